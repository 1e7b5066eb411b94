package fs

import (
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"infisicalfs/secret"
)

// pruneTime is how long the kernel has to say that it has let go.
const pruneTime = 250 * time.Millisecond

// Held reports whether somebody holds what was shown of dir: has it open, mapped
// or as a working directory, or watches it with inotify, which makes no traffic
// at all. The kernel is asked to let go of all that is not held, and says what
// it has let go of. Where it cannot be asked (before Linux 6.18, or without the
// device) everything that it knows counts as held.
//
// It takes up to a quarter of a second and must not be called for an operation
// of the kernel's.
func (f *FS) Held(dir secret.Dir) bool {
	if dir == f.cfg.Root {
		return true // the mount itself holds it, and hides who else does
	}
	at := f.inode(dir)
	if at == nil {
		return false
	}
	nodes := []*fusefs.Inode{at}
	add := func(n *fusefs.Inode) { nodes = append([]*fusefs.Inode{n}, nodes...) } // children first: they hold the directory
	for _, child := range at.Children() {
		add(child)
		if _, ok := child.Operations().(*generationDir); ok {
			for _, file := range child.Children() {
				add(file)
			}
		}
	}
	for _, n := range nodes {
		n.NotifyContent(Prune, 0)
	}
	again, end := time.NewTicker(pruneTime/25), time.After(pruneTime)
	defer again.Stop()
	for f.inode(dir) != nil {
		select {
		case <-again.C:
		case <-end:
			return true
		}
	}
	return false
}

// occupied reports whether somebody may be in a folder. A listing that is on its way
// gives the kernel the folder once more after it has let go: it is asked again and
// again, for a second. A kernel that cannot be asked (before Linux 6.18) knows folders
// that nobody is in, so there nobody counts as being in one: else watchers would hear
// of hardly any.
func (f *FS) occupied(folder secret.Dir) bool {
	again, end := time.NewTicker(pruneTime/25), time.After(4*pruneTime)
	defer again.Stop()
	for {
		at := f.inode(folder)
		if at == nil || at.NotifyContent(Prune, 0) == syscall.ENOSYS {
			return false
		}
		select {
		case <-again.C:
		case <-end:
			return true
		}
	}
}
