package main

import (
	"errors"
	"os"

	"infisicalfs/internal/attach"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
	"infisicalfs/internal/run"
)

// remark is what is worth knowing and keeps no mount from being made.
type remark struct{ about, text string }

// machineNotes say what this kernel and user cannot do with a mount.
func machineNotes() (notes []remark) {
	_, lacking := attach.Kernel()
	for _, text := range lacking {
		notes = append(notes, remark{"fuse", text})
	}
	if err := attach.Possible(true); err != nil {
		notes = append(notes, remark{"fuse", withHint(err)})
	}
	if os.Geteuid() != 0 {
		if err := run.SwitchedOff(); err != nil {
			notes = append(notes, remark{"run", withHint(err)})
		}
	}
	for _, text := range propagation() {
		notes = append(notes, remark{"propagation", text})
	}
	return notes
}

// withHint is an error with what to do about it.
func withHint(err error) string {
	if own, ok := errors.AsType[*exitcode.Error](err); ok && own.Hint != "" {
		return err.Error() + "; " + own.Hint
	}
	return err.Error()
}

// propagation says who may write to a mount although it was given read-only. That
// keeps no mount from being made.
func propagation() (notes []string) {
	if p := attach.CanPropagate(attach.PropagateRO); p.Reason != "" {
		notes = append(notes, "what appears of a mount elsewhere later, as in containers with rslave, can be written there, through a read-only bind mount too: "+p.Reason+"; use --read-only if nothing is to be written")
	}
	for _, h := range mounttable.WritableInReadOnly() {
		notes = append(notes, h.String()+" can write to a mount, although what that is mounted in is read-only there: bind it read-only recursively (rro; docker does since version 25), or start it before the mount is made")
	}
	return notes
}
