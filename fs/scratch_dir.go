package fs

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/overlay"
	"infisicalfs/secret"
)

// scratchDir is a directory whose name says that it is temporary: rsync
// --delay-updates collects what it has received in one, and some programs lock a
// file by making one. All in it is scratch, whatever it is called. It is found by
// name and listed nowhere, and what is in it is listed.
type scratchDir struct {
	node
	above place  // the folder, or the scratch directory, that it is in
	name  string // file name
}

// place is a directory in which the overlay keeps scratch files: a folder, or a
// scratch directory.
type place interface {
	fusefs.InodeEmbedder
	where() secret.Dir // key of the overlay
	folder() *dir      // the folder itself, or the nearest above
}

var (
	_ place = (*dir)(nil)
	_ place = (*scratchDir)(nil)
)

// where is no folder of the server's: only the overlay knows it.
func (d *scratchDir) where() secret.Dir { return d.above.where().Child(d.name) }
func (d *scratchDir) folder() *dir      { return d.above.folder() }
func (d *dir) folder() *dir             { return d }

func (d *scratchDir) pathOf(name string) string { return d.where().Child(name).String() }

// scratchDirChild returns the node of a scratch directory, nil if there is none
// of that name.
func (f *FS) scratchDirChild(ctx context.Context, in place, name string, out *fuse.Attr) *fusefs.Inode {
	made, ok := f.overlay.Dir(in.where(), name)
	if !ok {
		return nil
	}
	f.dirAttr(made.At, out)
	return in.EmbeddedInode().NewInode(ctx, &scratchDir{node{fs: f}, in, name}, made.ID)
}

func (d *scratchDir) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if child := d.fs.scratchDirChild(ctx, d, name, &out.Attr); child != nil {
		return child, 0
	}
	if child := d.fs.scratchFileChild(ctx, d, name, &out.Attr); child != nil {
		return child, 0
	}
	return nil, syscall.ENOENT
}

func (d *scratchDir) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	made, ok := d.fs.overlay.Dir(d.above.where(), d.name)
	d.fs.dirAttr(made.At, &out.Attr)
	if !ok {
		out.Nlink = 0
	}
	return 0
}

// Setattr changes the date only: who holds a lock by way of a directory shows in
// it that he is alive.
func (d *scratchDir) Setattr(ctx context.Context, fh fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if at, ok := in.GetMTime(); ok {
		d.fs.overlay.TouchDir(d.above.where(), d.name, at)
	}
	return d.Getattr(ctx, fh, out)
}

func (d *scratchDir) Readdir(context.Context) (fusefs.DirStream, syscall.Errno) {
	return fusefs.NewListDirStream(d.fs.overlay.Entries(d.where())), 0
}

func (d *scratchDir) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fusefs.Inode, fusefs.FileHandle, uint32, syscall.Errno) {
	sc := d.fs.overlay.Find(d.where(), name)
	switch _, isDir := d.fs.overlay.Dir(d.where(), name); {
	case isDir, sc != nil && flags&syscall.O_EXCL != 0:
		return nil, nil, 0, syscall.EEXIST
	case sc == nil:
		snap, err := d.fs.folder(ctx, d.folder().where(), secret.NeedEntry)
		if err != nil {
			return nil, nil, 0, d.fs.failed("create", d.pathOf(name), err)
		}
		sc = d.fs.newScratch(ctx, snap, kind{class: overlay.Collected}, mode)
		if !d.fs.overlay.Link(sc, d.where(), name) {
			return nil, nil, 0, d.fs.failed("create", d.pathOf(name), overlay.ErrFull)
		}
	}
	child := d.fs.scratchFileChild(ctx, d, name, &out.Attr)
	if child == nil {
		return nil, nil, 0, syscall.ESTALE // it has been renamed or unlinked meanwhile
	}
	fh, _, errno := child.Operations().(*file).openScratch(ctx, sc, flags)
	return child, fh, fuse.FOPEN_DIRECT_IO, errno
}

func (d *scratchDir) Mkdir(ctx context.Context, name string, _ uint32, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	return d.fs.mkScratchDir(ctx, d, name, out)
}

// mkScratchDir makes a scratch directory.
func (f *FS) mkScratchDir(ctx context.Context, in place, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if err := f.overlay.Mkdir(in.where(), name); err != nil {
		return nil, f.failed("mkdir", in.where().Child(name).String(), err)
	}
	return f.scratchDirChild(ctx, in, name, &out.Attr), 0
}

func (d *scratchDir) Unlink(_ context.Context, name string) syscall.Errno {
	if !d.fs.overlay.Unlink(d.where(), name) {
		return syscall.ENOENT
	}
	return 0
}

func (d *scratchDir) Rmdir(_ context.Context, name string) syscall.Errno {
	return d.fs.rmScratchDir(d, name)
}

func (d *scratchDir) Rename(ctx context.Context, name string, newParent fusefs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	return d.fs.rename(ctx, d, name, newParent, newName, flags)
}

func (d *scratchDir) Getxattr(context.Context, string, []byte) (uint32, syscall.Errno) {
	return 0, syscall.Errno(fuse.ENOATTR)
}

func (d *scratchDir) Listxattr(context.Context, []byte) (uint32, syscall.Errno) { return 0, 0 }

func (d *scratchDir) Setxattr(context.Context, string, []byte, uint32) syscall.Errno {
	return syscall.ENOTSUP
}

func (d *scratchDir) Removexattr(context.Context, string) syscall.Errno { return syscall.ENOTSUP }

func (d *scratchDir) Symlink(context.Context, string, string, *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	return nil, syscall.EPERM
}

func (d *scratchDir) Link(context.Context, fusefs.InodeEmbedder, string, *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	return nil, syscall.EPERM
}

// rmScratchDir removes a scratch directory.
func (f *FS) rmScratchDir(in place, name string) syscall.Errno {
	if err := f.overlay.Rmdir(in.where(), name); err != nil {
		return f.failed("rmdir", in.where().Child(name).String(), err)
	}
	return 0
}
