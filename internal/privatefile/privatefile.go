// Package privatefile writes files that are nobody else's business. A file that is
// there already is replaced as a whole and in one step, and what it allowed others
// ends with it: a mode that somebody chose for an empty file, or for another text, is
// not one for a secret.
//
//	err := privatefile.Write("dev.env", []byte("CLIENT_SECRET=…\n"))
package privatefile

import (
	"github.com/google/renameio/v2"
)

// mode lets only the owner, who is who writes, read and write.
const mode = 0o600

// Write makes text the whole of a file that its owner alone can read. It is on the disk
// when Write returns; what the file was before, or nothing, stays after an error, which
// is the system's.
func Write(file string, text []byte) error {
	pending, err := renameio.NewPendingFile(file, renameio.WithStaticPermissions(mode))
	if err != nil {
		return err
	}
	defer pending.Cleanup() // does nothing once it is in its place
	if _, err := pending.Write(text); err != nil {
		return err
	}
	return pending.CloseAtomicallyReplace()
}
