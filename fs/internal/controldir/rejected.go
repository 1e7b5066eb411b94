package controldir

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/readonly"
	"infisicalfs/fs/internal/unsent"
	"infisicalfs/fs/internal/xattr"
)

// rejectedDir is .infisicalfs/rejected. Its files can be read by who wrote them
// and removed.
type rejectedDir struct {
	readonly.Node
	readonly.Dir
	cfg *Config
}

var (
	_ fusefs.NodeLookuper  = (*rejectedDir)(nil)
	_ fusefs.NodeGetattrer = (*rejectedDir)(nil)
	_ fusefs.NodeReaddirer = (*rejectedDir)(nil)
	_ fusefs.NodeUnlinker  = (*rejectedDir)(nil)
)

func (r *rejectedDir) attr(out *fuse.Attr) {
	r.cfg.attr(0o700, 0, out)
	out.Nlink = 2
}

func (r *rejectedDir) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	r.attr(&out.Attr)
	return 0
}

func (r *rejectedDir) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	t := r.cfg.Rejected.Find(name)
	if t == nil {
		out.SetEntryTimeout(1) // the next text may have this name
		return nil, syscall.ENOENT
	}
	child := &rejectedFile{cfg: r.cfg, text: t}
	child.attr(&out.Attr)
	return r.NewInode(ctx, child, r.cfg.ID(syscall.S_IFREG, rejectedName+"/"+name)), 0
}

func (r *rejectedDir) Readdir(context.Context) (fusefs.DirStream, syscall.Errno) {
	list := []fuse.DirEntry{
		{Name: ".", Mode: syscall.S_IFDIR, Ino: r.StableAttr().Ino},
		r.cfg.entry(syscall.S_IFDIR, "", ".."),
	}
	for _, t := range r.cfg.Rejected.List() {
		list = append(list, r.cfg.entry(syscall.S_IFREG, rejectedName+"/"+t.Name, t.Name))
	}
	return fusefs.NewListDirStream(list), 0
}

func (r *rejectedDir) Unlink(_ context.Context, name string) syscall.Errno {
	if !r.cfg.Rejected.Remove(name) {
		return syscall.ENOENT
	}
	return 0
}

// rejectedFile is one text.
type rejectedFile struct {
	readonly.Node
	cfg  *Config
	text *unsent.Text
}

var (
	_ fusefs.NodeGetattrer = (*rejectedFile)(nil)
	_ fusefs.NodeOpener    = (*rejectedFile)(nil)
	_ fusefs.NodeReader    = (*rejectedFile)(nil)

	_ fusefs.NodeGetxattrer  = (*rejectedFile)(nil)
	_ fusefs.NodeListxattrer = (*rejectedFile)(nil)
)

func (r *rejectedFile) attr(out *fuse.Attr) {
	r.cfg.attr(0o400, r.text.Value.Len(), out)
	out.Uid = r.text.UID
	out.SetTimes(&r.text.At, &r.text.At, &r.text.At)
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

// A text of which the server has made a request for an approval says which.
func (r *rejectedFile) Getxattr(_ context.Context, attr string, dest []byte) (uint32, syscall.Errno) {
	if errno := xattr.Foreign(attr); errno != 0 {
		return 0, errno
	}
	return xattr.OfApproval(r.text.Asked).Get(attr, dest)
}

func (r *rejectedFile) Listxattr(_ context.Context, dest []byte) (uint32, syscall.Errno) {
	return xattr.OfApproval(r.text.Asked).Names(dest)
}
