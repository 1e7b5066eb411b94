package fs

import (
	"context"
	"path"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/generation"
	"infisicalfs/fs/internal/xattr"
	"infisicalfs/secret"
)

// generationFile is a secret in a generation. It never changes, so the kernel may
// keep all of it, until it is revoked.
type generationFile struct {
	node
	above      *dir // the generation's folder
	generation *generation.Generation
	name       string // the server's for the secret
}

// secret returns what the file shows, or why it does not.
func (n *generationFile) secret(op string) (*secret.Folder, *secret.Secret, syscall.Errno) {
	snap := n.generation.Shown()
	if snap == nil {
		return nil, nil, syscall.EACCES
	}
	s, ok := snap.Secret(n.name)
	if ok && s.Hidden && op != "getattr" {
		return nil, nil, n.fs.failed(op, path.Join(snap.Dir.String(), filename.Encode(n.name)), s.Unreadable())
	}
	if !ok {
		return nil, nil, syscall.EIO // a generation has the same names for ever
	}
	return snap, &s, 0
}

func (n *generationFile) attr(s *secret.Secret, out *fuse.Attr) {
	n.fs.secretAttr(n.above.where(), s.Name, s, out)
	if s.Hidden {
		out.Size = 1 // with 0 the kernel would not READ, if it opens files by itself
	}
}

func (n *generationFile) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	_, s, errno := n.secret("getattr")
	if errno == 0 {
		n.attr(s, &out.Attr)
		out.SetTimeout(always)
	}
	return errno
}

// Setattr changes nothing: watchers of a file that is no longer current hear of it.
func (n *generationFile) Setattr(ctx context.Context, fh fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	p := n.fs.eventOf(ctx)
	if p == nil {
		return syscall.EROFS
	}
	if errno := errnoOfAnswer(p.SetattrEnded(n.generation.Name, setsDate(in))); errno != 0 {
		return errno
	}
	return n.Getattr(ctx, fh, out)
}

func (n *generationFile) Open(_ context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	switch _, _, errno := n.secret("open"); {
	case writesWith(flags):
		return nil, 0, syscall.EROFS
	case n.fs.full():
		return nil, 0, syscall.ENOSYS
	case errno != 0:
		return nil, 0, errno
	}
	n.fs.opens.Add(1)
	if n.fs.cfg.KernelCache == CacheOff {
		return nil, fuse.FOPEN_DIRECT_IO | fuse.FOPEN_NOFLUSH, 0
	}
	return nil, fuse.FOPEN_KEEP_CACHE | fuse.FOPEN_NOFLUSH, 0
}

func (n *generationFile) Read(_ context.Context, _ fusefs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	n.fs.reads.Add(1)
	_, s, errno := n.secret("read")
	if errno != 0 {
		return nil, errno
	}
	return fuse.ReadResultData(dest[:s.Value.CopyAt(dest, off)]), 0
}

func (n *generationFile) Flush(context.Context, fusefs.FileHandle) syscall.Errno {
	if n.fs.full() {
		return syscall.ENOSYS // the kernel leaves it out from now on
	}
	return 0
}

func (n *generationFile) Getxattr(_ context.Context, attr string, dest []byte) (uint32, syscall.Errno) {
	if errno := xattr.Foreign(attr); errno != 0 {
		return 0, errno
	}
	snap, s, errno := n.secret("getattr")
	if errno != 0 {
		return 0, errno
	}
	return xattr.OfSecret(snap, s).Get(attr, dest)
}

func (n *generationFile) Listxattr(_ context.Context, dest []byte) (uint32, syscall.Errno) {
	snap, s, errno := n.secret("getattr")
	if errno != 0 {
		return 0, errno
	}
	return xattr.OfSecret(snap, s).Names(dest)
}
