package fs

import (
	"encoding/json"
	"fmt"
	"strings"

	"infisicalfs/fs/internal/inode"
)

// What is noted for the case that the process is killed, see [Config.Note]: for each place
// that something was renamed from or to, which numbers its nodes have.

// renameNote begins the name of a note of a place; the place follows.
const renameNote = "renamed "

// renamed hands on what is known of a place.
func renamed(r inode.Record, note func(name string, note []byte)) {
	if text, err := json.Marshal(r); err == nil {
		note(fmt.Sprintf("%s%x.%x.%x", renameNote, r.Place.Mode, r.Place.Ino, r.Place.Gen), text)
	}
}

// readNote is the reverse; not ok: the note is about something else.
func readNote(name string, text []byte) (r inode.Record, ok bool, err error) {
	if !strings.HasPrefix(name, renameNote) {
		return r, false, nil
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, false, fmt.Errorf("a note of a rename cannot be read: %w", err)
	}
	return r, true, nil
}
