package fs

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/unsent"
)

const rejectedName = "rejected"

// rejectedDir is .infisicalfs/rejected. Its files can be read by who wrote them
// and removed.
type rejectedDir struct {
	node
	readOnly
}

var (
	_ fusefs.NodeLookuper  = (*rejectedDir)(nil)
	_ fusefs.NodeGetattrer = (*rejectedDir)(nil)
	_ fusefs.NodeReaddirer = (*rejectedDir)(nil)
	_ fusefs.NodeUnlinker  = (*rejectedDir)(nil)
)

func (r *rejectedDir) attr(out *fuse.Attr) {
	r.fs.controlAttr(0o700, 0, out)
	out.Nlink = 2
}

func (r *rejectedDir) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	r.attr(&out.Attr)
	return 0
}

func (r *rejectedDir) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	t := r.fs.rejected.Find(name)
	if t == nil {
		out.SetEntryTimeout(1) // the next text may have this name
		return nil, syscall.ENOENT
	}
	child := &rejectedFile{node{fs: r.fs}, t}
	child.attr(&out.Attr)
	return r.NewInode(ctx, child, controlID(syscall.S_IFREG, rejectedName+"/"+name)), 0
}

func (r *rejectedDir) Readdir(context.Context) (fusefs.DirStream, syscall.Errno) {
	list := []fuse.DirEntry{
		{Name: ".", Mode: syscall.S_IFDIR, Ino: r.StableAttr().Ino},
		{Name: "..", Mode: syscall.S_IFDIR, Ino: controlID(syscall.S_IFDIR, "").Ino},
	}
	for _, t := range r.fs.rejected.List() {
		id := controlID(syscall.S_IFREG, rejectedName+"/"+t.Name)
		list = append(list, fuse.DirEntry{Name: t.Name, Mode: id.Mode, Ino: id.Ino})
	}
	return fusefs.NewListDirStream(list), 0
}

func (r *rejectedDir) Unlink(_ context.Context, name string) syscall.Errno {
	if !r.fs.rejected.Remove(name) {
		return syscall.ENOENT
	}
	return 0
}

// rejectedFile is one text.
type rejectedFile struct {
	node
	text *unsent.Text
}

var (
	_ fusefs.NodeGetattrer = (*rejectedFile)(nil)
	_ fusefs.NodeOpener    = (*rejectedFile)(nil)
	_ fusefs.NodeReader    = (*rejectedFile)(nil)
)

func (r *rejectedFile) attr(out *fuse.Attr) {
	r.fs.controlAttr(0o400, r.text.Value.Len(), out)
	out.Uid, out.Gid = r.text.UID, r.fs.cfg.OwnerGID
	r.fs.setDate(r.text.At, out)
}

func (r *rejectedFile) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	r.attr(&out.Attr)
	return 0
}

func (r *rejectedFile) Open(_ context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY || flags&syscall.O_TRUNC != 0 {
		return nil, 0, syscall.EROFS
	}
	return nil, fuse.FOPEN_DIRECT_IO, 0
}

func (r *rejectedFile) Read(_ context.Context, _ fusefs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	return fuse.ReadResultData(dest[:r.text.Value.CopyAt(dest, off)]), 0
}
