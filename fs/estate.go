package fs

import (
	"fmt"

	"infisicalfs/fs/internal/inode"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/overlay"
)

// Estate is what the process that serves a mount knows besides what the kernel has of
// it, for one that goes on with the mount: who has read and written which versions, which
// numbers inodes have after renames, and which names were just removed. It
// has no values, so what is only here does not travel: see [FS.Estate].
type Estate struct {
	Bases    []lostupdate.Record `json:"bases"`
	Renames  []inode.Record      `json:"renames,omitempty"`
	Unlinked []overlay.Removed   `json:"unlinked,omitempty"`
}

// Estate returns what the next process has to know. It is an error, which names the first
// of them, while there are things that the server has not and that would be lost:
// files that are open for writing, temporary files, secrets that were put aside, and texts
// that were not stored. Old values of removed secrets are let go, as at every end.
func (f *FS) Estate() (*Estate, error) {
	if f.cfg.Writer == nil {
		return &Estate{}, nil
	}
	if err := f.stays(); err != nil {
		return nil, err
	}
	return &Estate{Bases: f.bases.Records(), Renames: f.renames.Records(), Unlinked: f.overlay.Removals()}, nil
}

// Numbers is what of the Estate a next process can use to look up what the kernel knows,
// at any time: which numbers inodes have.
func (f *FS) Numbers() *Estate { return &Estate{Renames: f.renames.Records()} }

// Recollect returns what is known of an estate when the process is dead that had it, by
// what it has noted, see [Config.Note]: which numbers inodes have. Other notes are left alone.
func Recollect(notes map[string][]byte) (*Estate, error) {
	e := &Estate{}
	for name, text := range notes {
		r, ok, err := readNote(name, text)
		if err != nil {
			return nil, err
		}
		if ok {
			e.Renames = append(e.Renames, r)
		}
	}
	return e, nil
}

// stays says what keeps the mount with this process, if anything does.
func (f *FS) stays() error {
	if open := f.writers.All(); len(open) > 0 {
		by := ""
		if opener := open[0].buffer.Opener(); opener.Known() {
			by = fmt.Sprintf(" by process %d", opener.PID)
		}
		return fmt.Errorf("%s is open for writing%s", open[0].called(), by)
	}
	if at, ok := f.overlay.Any(); ok {
		return fmt.Errorf("%s is only here", at)
	}
	for _, t := range f.rejected.List() {
		if t.Only {
			return fmt.Errorf("a text for %s is only here: .infisicalfs/rejected/%s", describe(t).Path, t.Name)
		}
	}
	return nil
}

// called names the handle's file for people.
func (h *writeHandle) called() string {
	if h.scratch == nil {
		return h.file.path()
	}
	if at := h.file.fs.overlay.Where(h.scratch); at != (overlay.Name{}) {
		return at.String()
	}
	return "a file that was removed"
}

// Inherit takes over what an earlier process has known, in the place of what it was said
// to know before. Nothing may be served yet.
func (f *FS) Inherit(e *Estate) {
	if e != nil {
		f.bases.Recall(e.Bases)
		f.renames.Recall(e.Renames)
		f.overlay.Recall(e.Unlinked)
	}
}
