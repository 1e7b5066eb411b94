package overlay

import (
	"errors"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/inode"
	"infisicalfs/secret"
)

// MaxDirs bounds how many scratch directories there are at a time.
const MaxDirs = 256

// ErrFull is that there is no room for another scratch file or directory.
var ErrFull = errors.New("no room for another scratch file")

// Dir is a scratch directory: one whose name says that it is temporary. All in it
// is scratch, under the path that it has.
type Dir struct {
	ID fusefs.StableAttr
	At time.Time // its date
}

// Dir returns the scratch directory of that file name.
func (o *Overlay) Dir(in secret.Dir, name string) (d Dir, ok bool) {
	o.look(in, func(part *folder) { d, ok = part.dirs[name] })
	return d, ok
}

// Mkdir makes a scratch directory. The errors are [secret.ErrExists] and
// [ErrFull].
func (o *Overlay) Mkdir(in secret.Dir, name string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	part := o.part(in)
	defer o.tidy(in)
	if _, ok := part.dirs[name]; ok || part.files[name] != nil {
		return secret.ErrExists
	}
	if o.dirs >= MaxDirs {
		return ErrFull
	}
	o.dirs++
	part.dirs[name] = Dir{inode.ScratchDir(o.made.Add(1)), time.Now()}
	return nil
}

// Rmdir removes an empty scratch directory. The errors are
// [secret.ErrNotFound] and [secret.ErrNotEmpty].
func (o *Overlay) Rmdir(in secret.Dir, name string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	part := o.folders[in]
	if part == nil {
		return secret.ErrNotFound
	}
	if _, ok := part.dirs[name]; !ok {
		return secret.ErrNotFound
	}
	if o.folders[in.Child(name)] != nil {
		return secret.ErrNotEmpty
	}
	delete(part.dirs, name)
	o.dirs--
	o.tidy(in)
	return nil
}

// TouchDir gives a scratch directory another date.
func (o *Overlay) TouchDir(in secret.Dir, name string, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if part := o.folders[in]; part != nil {
		if d, ok := part.dirs[name]; ok {
			part.dirs[name] = Dir{d.ID, at}
		}
	}
}

// Entries returns what is in a scratch directory.
func (o *Overlay) Entries(in secret.Dir) (list []fuse.DirEntry) {
	o.look(in, func(part *folder) {
		for name, d := range part.dirs {
			list = append(list, fuse.DirEntry{Name: name, Mode: syscall.S_IFDIR, Ino: d.ID.Ino})
		}
		for name, f := range part.files {
			list = append(list, fuse.DirEntry{Name: name, Mode: syscall.S_IFREG, Ino: f.id.Ino})
		}
	})
	return list
}
