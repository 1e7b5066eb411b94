// Package controldir is the directory for talking to the process of a mount,
// .infisicalfs: the file status tells how the mount is, a write to the file refresh
// has everything asked for again, and the directory rejected has the texts that
// the server does not have. Its nodes are go-fuse's, and know of the file system
// what a [Config] says.
//
//	if name == controldir.Name {
//		return config.Child(ctx, root, out)
//	}
//
// It is found by name and never listed, because programs that load secrets read all
// that is listed. Nothing in it asks the server. All of it belongs to the owner of
// the process, whatever the owner and mode of secrets are, but for a rejected text,
// which can be read by who wrote it; the kernel checks modes.
package controldir

import (
	"context"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/readonly"
	"infisicalfs/fs/internal/unsent"
)

// Name is the directory's. The others are of what is in it.
const (
	Name = ".infisicalfs"

	statusName   = "status"
	refreshName  = "refresh"
	rejectedName = "rejected"
)

// Kept returns the path, from the mount's root, of the rejected text of that name.
func Kept(name string) string { return Name + "/" + rejectedName + "/" + name }

// always is how long the kernel may remember what does not change during a mount.
const always = time.Hour

// Config is what the directory has to know. ID and Failed are required.
type Config struct {
	Status   func() ([]byte, error) // the content of status; nil: no such file
	Refresh  func() error           // called by a write to refresh; nil: no such file
	Rejected *unsent.Store          // the texts of rejected; nil: no such directory

	// NoOpens says that the kernel opens files by itself. A status has to be
	// frozen when it is opened, so then it cannot be read (ENOSYS).
	NoOpens bool

	OwnerUID, OwnerGID uint32
	Date               time.Time // of all but the texts

	// ID returns the identity of what is in the directory under a path, "" for
	// itself; mode is the kind of inode.
	ID func(mode uint32, path string) fusefs.StableAttr
	// Failed counts and logs a failed operation and returns its errno.
	Failed func(op, path string, err error) syscall.Errno
}

// Child returns the directory's node, below parent, and fills out.
func (c *Config) Child(ctx context.Context, parent *fusefs.Inode, out *fuse.EntryOut) *fusefs.Inode {
	d := &dir{cfg: c, above: parent.StableAttr().Ino}
	d.attr(&out.Attr)
	out.SetEntryTimeout(always)
	out.SetAttrTimeout(always)
	return parent.NewInode(ctx, d, c.ID(syscall.S_IFDIR, ""))
}

// attr describes a node of that kind, mode and size.
func (c *Config) attr(mode uint32, size int, out *fuse.Attr) {
	out.Mode = mode
	out.Nlink = 1
	out.Size = uint64(size)
	out.Uid, out.Gid = c.OwnerUID, c.OwnerGID
	out.SetTimes(&c.Date, &c.Date, &c.Date)
}

// dir is .infisicalfs.
type dir struct {
	readonly.Node
	readonly.Dir
	cfg   *Config
	above uint64 // inode number of the directory that it is in
}

var (
	_ fusefs.NodeLookuper  = (*dir)(nil)
	_ fusefs.NodeGetattrer = (*dir)(nil)
	_ fusefs.NodeReaddirer = (*dir)(nil)
)

func (d *dir) attr(out *fuse.Attr) {
	d.cfg.attr(0o500, 0, out)
	out.Nlink = 2
}

func (d *dir) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	var child interface {
		fusefs.InodeEmbedder
		attr(*fuse.Attr)
	}
	kind, ok := d.cfg.has(name)
	if !ok {
		return nil, syscall.ENOENT
	}
	switch name {
	case statusName:
		child = &statusFile{cfg: d.cfg}
	case refreshName:
		child = &refreshFile{cfg: d.cfg}
	case rejectedName:
		child = &rejectedDir{cfg: d.cfg}
	}
	child.attr(&out.Attr)
	out.SetEntryTimeout(always)
	return d.NewInode(ctx, child, d.cfg.ID(kind, name)), 0
}

// has reports whether the directory has an entry of that name, and its kind.
func (c *Config) has(name string) (kind uint32, ok bool) {
	switch name {
	case statusName:
		return syscall.S_IFREG, c.Status != nil
	case refreshName:
		return syscall.S_IFREG, c.Refresh != nil
	case rejectedName:
		return syscall.S_IFDIR, c.Rejected != nil
	}
	return 0, false
}

func (d *dir) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	d.attr(&out.Attr)
	out.SetTimeout(always)
	return 0
}

func (d *dir) Readdir(context.Context) (fusefs.DirStream, syscall.Errno) {
	list := []fuse.DirEntry{
		{Name: ".", Mode: syscall.S_IFDIR, Ino: d.StableAttr().Ino},
		{Name: "..", Mode: syscall.S_IFDIR, Ino: d.above},
	}
	for _, name := range []string{refreshName, statusName, rejectedName} {
		if kind, ok := d.cfg.has(name); ok {
			list = append(list, d.cfg.entry(kind, name, name))
		}
	}
	return fusefs.NewListDirStream(list), 0
}

// entry is what a listing says of the inode under a path, which is called name.
func (c *Config) entry(kind uint32, path, name string) fuse.DirEntry {
	return fuse.DirEntry{Name: name, Mode: kind, Ino: c.ID(kind, path).Ino}
}
