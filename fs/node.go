package fs

import (
	"context"
	"math"
	"path"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/inode"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/fs/internal/readonly"
	"infisicalfs/secret"
)

// node is what all node types have in common. What a type does not define is
// answered as on a read-only file system.
type node struct {
	readonly.Node
	fs *FS
}

// Prune is an offset for [fusefs.ServerCallbacks.InodeNotify] that asks for
// something else: that the kernel lets go of the inode if nobody uses it, which
// go-fuse has no callback for. Who does not know it invalidates the attributes,
// which does no harm.
const Prune = math.MinInt64

// location is where a node lies: in the directory parent, under the server's
// name for it. It is never changed; a rename gives the node another one. As
// directories hold theirs likewise, a renamed directory takes all below it along.
type location struct {
	parent *dir
	name   string
}

// where returns what the directory shows.
func (d *dir) where() secret.Dir {
	if at := d.at.Load(); at != nil {
		return at.parent.where().Child(at.name)
	}
	return d.fs.cfg.Root
}

// pathOf is how logs call what the directory has under a file name.
func (d *dir) pathOf(shown string) string { return path.Join(d.where().String(), shown) }

// above returns the directory that contains d; the root's is itself.
func (d *dir) above() *dir {
	if at := d.at.Load(); at != nil {
		return at.parent
	}
	return d
}

// where returns the folder of a secret and its name there.
func (n *file) where() (secret.Dir, string) {
	at := n.location()
	return at.parent.where(), at.name
}

func (n *file) location() *location {
	if sc := n.scratch.Load(); sc != nil {
		if at := dataOf(sc).place.Load(); at != nil {
			return at
		}
	}
	return n.at.Load()
}

// asScratch returns the scratch file that the node is now, nil for a secret.
func (n *file) asScratch() *overlay.File {
	if sc := n.scratch.Load(); sc != nil && dataOf(sc).place.Load() == nil {
		return sc
	}
	return nil
}

// keepsNumber reports whether the node's inode number is the secret's: it always
// was one, or it has become one by itself. Of a scratch file that was renamed to
// a secret's name it is not.
func (n *file) keepsNumber() bool {
	sc := n.scratch.Load()
	return sc == nil || dataOf(sc).stays.Load()
}

func (d *dir) newFile(name string) *file {
	n := &file{node: node{fs: d.fs}}
	n.at.Store(&location{d, name})
	return n
}

func (d *dir) newDir(name string) *dir {
	child := &dir{node: node{fs: d.fs}}
	child.at.Store(&location{d, name})
	return child
}

// secretID returns the identity of a secret in the directory, shown under that
// file name: its node's, if that was renamed to here and is still known, so
// that a rename keeps the inode number.
func (d *dir) secretID(shown, name string) fusefs.StableAttr {
	if n, ok := operations(d.GetChild(shown)).(*file); ok && n.keepsNumber() && n.location().is(d, name) {
		return n.StableAttr()
	}
	return d.fs.renames.Fresh(inode.Child(d.StableAttr(), syscall.S_IFREG, name))
}

// secretInode returns the node of a secret, the one that the kernel knows if it
// does: go-fuse puts that in the place of a new one, but only when the new one
// has answered, which does not know what the kernel has been told.
func (d *dir) secretInode(ctx context.Context, shown, name string) *fusefs.Inode {
	known := d.GetChild(shown)
	if n, ok := operations(known).(*file); ok && n.keepsNumber() && n.location().is(d, name) {
		return known
	}
	return d.newFileInode(ctx, name, d.secretID(shown, name))
}

// folderInode is secretInode for a directory. A node that is there stays, or who
// is in it would be somewhere else.
func (d *dir) folderInode(ctx context.Context, name string) *fusefs.Inode {
	known := d.GetChild(filename.Encode(name))
	if n, ok := operations(known).(*dir); ok && n.at.Load().is(d, name) {
		return known
	}
	return d.newDirInode(ctx, name, d.folderID(name))
}

// folderID is secretID for a directory.
func (d *dir) folderID(name string) fusefs.StableAttr {
	if n, ok := operations(d.GetChild(filename.Encode(name))).(*dir); ok && n.at.Load().is(d, name) {
		return n.StableAttr()
	}
	return d.fs.renames.Fresh(inode.Child(d.StableAttr(), syscall.S_IFDIR, name))
}

func (l *location) is(parent *dir, name string) bool {
	return l != nil && l.parent == parent && l.name == name
}

func operations(n *fusefs.Inode) fusefs.InodeEmbedder {
	if n == nil {
		return nil
	}
	return n.Operations()
}

// relocate says that the node called shown lies elsewhere now. Its old place
// will be somebody else's.
func (d *dir) relocate(shown, name string, to *dir, newName string) {
	switch n := operations(d.GetChild(shown)).(type) {
	case *file:
		at := &location{to, newName}
		n.at.Store(at)
		if sc := n.scratch.Load(); sc != nil { // a secret that was one
			dataOf(sc).place.Store(at)
		}
		d.fs.renames.Left(inode.Child(d.StableAttr(), syscall.S_IFREG, name))
		d.fs.renames.Arrived(inode.Child(to.StableAttr(), syscall.S_IFREG, newName), n.StableAttr())
	case *dir:
		n.at.Store(&location{to, newName})
		d.fs.renames.Left(inode.Child(d.StableAttr(), syscall.S_IFDIR, name))
		d.fs.renames.Arrived(inode.Child(to.StableAttr(), syscall.S_IFDIR, newName), n.StableAttr())
	}
}

// forgetAttr invalidates attributes.
func forgetAttr(n *fusefs.Inode) { n.NotifyContent(-1, 0) }
