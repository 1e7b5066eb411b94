package fs

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// controlName is the directory for talking to the daemon. It is at the mount's
// root, found by name and never listed, because loaders read all that is
// listed. Nothing in it asks the Source.
const controlName = ".infisicalfs"

const (
	statusName  = "status"
	refreshName = "refresh"
)

// controlAttr describes a control file: it belongs to the daemon's owner
// whatever the secrets' owner and mode are.
func (f *FS) controlAttr(mode uint32, size int, out *fuse.Attr) {
	out.Mode = mode
	out.Nlink = 1
	out.Size = uint64(size)
	out.Uid, out.Gid = f.cfg.OwnerUID, f.cfg.OwnerGID
	f.setDate(f.cfg.MountTime, out)
}

// control returns the node of .infisicalfs.
func (d *dir) control(ctx context.Context, out *fuse.EntryOut) *fusefs.Inode {
	c := &controlDir{node: node{fs: d.fs}}
	c.attr(&out.Attr)
	out.SetEntryTimeout(always)
	out.SetAttrTimeout(always)
	return d.NewInode(ctx, c, controlID(syscall.S_IFDIR, ""))
}

// controlDir is .infisicalfs.
type controlDir struct {
	node
	readOnly
}

var (
	_ fusefs.NodeLookuper  = (*controlDir)(nil)
	_ fusefs.NodeGetattrer = (*controlDir)(nil)
	_ fusefs.NodeReaddirer = (*controlDir)(nil)
)

func (c *controlDir) attr(out *fuse.Attr) {
	c.fs.controlAttr(0o500, 0, out)
	out.Nlink = 2
}

func (c *controlDir) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	var child fusefs.InodeEmbedder
	switch {
	case name == statusName && c.fs.cfg.Status != nil:
		s := &statusFile{node{fs: c.fs}}
		s.attr(&out.Attr)
		child = s
	case name == refreshName && c.fs.cfg.Refresh != nil:
		r := &refreshFile{node{fs: c.fs}}
		r.attr(&out.Attr)
		child = r
	case name == rejectedName && c.fs.cfg.Writer != nil:
		r := &rejectedDir{node: node{fs: c.fs}}
		r.attr(&out.Attr)
		out.SetEntryTimeout(always)
		return c.NewInode(ctx, r, controlID(syscall.S_IFDIR, name)), 0
	default:
		return nil, syscall.ENOENT
	}
	out.SetEntryTimeout(always)
	return c.NewInode(ctx, child, controlID(syscall.S_IFREG, name)), 0
}

func (c *controlDir) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	c.attr(&out.Attr)
	out.SetTimeout(always)
	return 0
}

func (c *controlDir) Readdir(context.Context) (fusefs.DirStream, syscall.Errno) {
	list := []fuse.DirEntry{
		{Name: ".", Mode: syscall.S_IFDIR, Ino: c.StableAttr().Ino},
		{Name: "..", Mode: syscall.S_IFDIR, Ino: dirID(c.fs.cfg.Root).Ino},
	}
	add := func(name string) {
		id := controlID(syscall.S_IFREG, name)
		list = append(list, fuse.DirEntry{Name: name, Mode: id.Mode, Ino: id.Ino})
	}
	if c.fs.cfg.Refresh != nil {
		add(refreshName)
	}
	if c.fs.cfg.Status != nil {
		add(statusName)
	}
	if c.fs.cfg.Writer != nil {
		id := controlID(syscall.S_IFDIR, rejectedName)
		list = append(list, fuse.DirEntry{Name: rejectedName, Mode: id.Mode, Ino: id.Ino})
	}
	return fusefs.NewListDirStream(list), 0
}
