package fs

import (
	"fmt"
	"strings"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"infisicalfs/fs/internal/generation"
	"infisicalfs/fs/internal/inode"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/overlay"
)

// Estate is what the process that serves a mount knows besides what the kernel has of
// it, for one that goes on with the mount: who has read and written which versions, which
// numbers inodes have after renames, which names were just removed, and what the generations
// of folders are called. It has no values, so what is only here does not travel: see [FS.Estate].
type Estate struct {
	Bases    []lostupdate.Record `json:"bases"`
	Renames  []inode.Record      `json:"renames,omitempty"`
	Unlinked []overlay.Removed   `json:"unlinked,omitempty"`

	Generations []FolderGeneration `json:"generations,omitempty"` // the newest of each folder that shows links
}

// Estate returns what the next process has to know. It is an error, which names the first
// of them, while there are things that the server has not and that would be lost:
// files that are open for writing, temporary files, secrets that were put aside, and texts
// that were not stored. Old values of removed secrets are let go, as at every end.
func (f *FS) Estate() (*Estate, error) {
	if f.cfg.Writer == nil {
		return f.Numbers(), nil
	}
	if err := f.stays(); err != nil {
		return nil, err
	}
	return &Estate{Bases: f.bases.Records(), Renames: f.renames.Records(), Unlinked: f.overlay.Removals()}, nil
}

// Numbers is what of the Estate a next process can use to look up what the kernel knows,
// at any time: which numbers inodes have, and which generations there are.
func (f *FS) Numbers() *Estate {
	return &Estate{Renames: f.renames.Records(), Generations: f.lastGenerations()}
}

// Recollect returns what is known of an estate when the process is dead that had it, by
// what it has noted, see [Config.Note]. Other notes are left alone.
func Recollect(notes map[string][]byte) (*Estate, error) {
	e := &Estate{}
	for name, text := range notes {
		if err := e.take(name, text); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// take is the reverse. Notes about something else are left alone.
func (e *Estate) take(name string, text []byte) (err error) {
	switch {
	case strings.HasPrefix(name, renameNote):
		e.Renames, err = appendNote(e.Renames, text)
	case strings.HasPrefix(name, generationNote):
		e.Generations, err = appendNote(e.Generations, text)
	}
	if err != nil {
		return fmt.Errorf("what an earlier process has noted cannot be read: %w", err)
	}
	return nil
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
		f.inheritGenerations(e.Generations)
	}
}

// inheritGenerations takes over what an earlier process has said, in the place of what it
// has said before: of a folder that was looked up in between its last word counts.
func (f *FS) inheritGenerations(list []FolderGeneration) {
	records := map[fusefs.StableAttr]generation.Record{}
	for _, g := range list {
		records[g.Place] = g.Record
	}
	f.inheritedGenerations.Set(records)
	f.eachFolder(func(d *dir) {
		if r, ok := f.inheritedGenerations.Take(d.StableAttr()); ok {
			d.history().Recall(r)
		}
	})
}

// lastGenerations is the reverse, for the next process.
func (f *FS) lastGenerations() (list []FolderGeneration) {
	f.eachFolder(func(d *dir) {
		if r, ok := d.history().Record(); ok {
			list = append(list, FolderGeneration{d.StableAttr(), r})
		}
	})
	f.inheritedGenerations.Each(func(place fusefs.StableAttr, r generation.Record) {
		list = append(list, FolderGeneration{place, r})
	})
	return list
}
