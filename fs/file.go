package fs

import (
	"context"
	"fmt"
	"path"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/secret"
)

// file is a secret.
type file struct {
	node
	dir  secret.Dir
	name string // the secret's own, not the file name
}

var (
	_ fusefs.NodeGetattrer   = (*file)(nil)
	_ fusefs.NodeOpener      = (*file)(nil)
	_ fusefs.NodeGetxattrer  = (*file)(nil)
	_ fusefs.NodeListxattrer = (*file)(nil)
)

// path is how logs call the file.
func (n *file) path() string { return path.Join(n.dir.String(), EncodeName(n.name)) }

// current returns the secret as the Source has it now.
func (n *file) current(ctx context.Context) (*secret.Folder, secret.Secret, error) {
	var s secret.Secret
	snap, ok, err := n.fs.find(ctx, n.dir, func(snap *secret.Folder) (ok bool) {
		s, ok = snap.Secret(n.name)
		return ok
	})
	if err == nil && !ok {
		err = secret.ErrNotFound
	}
	return snap, s, err
}

// Getattr describes the current version. A handle counts only when there is no
// current version to describe, so that fstat works on a file that is gone:
// Linux names no handle for fstat, and go-fuse then picks any one that is open,
// perhaps somebody else's from long ago.
func (n *file) Getattr(ctx context.Context, fh fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	snap, s, err := n.current(ctx)
	if err == nil {
		n.fs.secretAttr(&s, &out.Attr)
		out.SetTimeout(n.fs.remaining(snap))
		return 0
	}
	if h, ok := fh.(*handle); ok && errnoOf(err) != syscall.EACCES {
		if held := h.secret.Load(); held != nil {
			n.fs.secretAttr(held, &out.Attr)
			return 0
		}
	}
	return n.fs.failed("getattr", n.path(), err)
}

// Open freezes the current version for the handle. Pages are not cached: direct
// I/O asks the handle, so that each reads its own version. Nothing was written,
// so the kernel need not wait for a FLUSH at close.
func (n *file) Open(ctx context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY || flags&syscall.O_TRUNC != 0 {
		return nil, 0, syscall.EROFS
	}
	h := &handle{file: n}
	err := n.fs.opened.open(h, func() error {
		_, s, err := n.current(ctx)
		if err != nil {
			return err
		}
		if s.Hidden {
			return fmt.Errorf("%w: the value is hidden: %s", secret.ErrDenied, s.Reason)
		}
		h.secret.Store(&s)
		return nil
	})
	if err != nil {
		return nil, 0, n.fs.failed("open", n.path(), err)
	}
	n.fs.opens.Add(1)
	return h, fuse.FOPEN_DIRECT_IO | fuse.FOPEN_NOFLUSH, 0
}
