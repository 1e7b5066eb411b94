package fs

import (
	"context"
	"errors"
	"path"
	"sync/atomic"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/secret"
)

// file is a secret, or a scratch file: a rename can turn one into the other.
type file struct {
	node
	at      atomic.Pointer[location]    // where the secret is, by its own name, not the file name
	scratch atomic.Pointer[scratchFile] // what it is, or was before it became a secret; else nil
}

var (
	_ fusefs.NodeGetattrer   = (*file)(nil)
	_ fusefs.NodeOpener      = (*file)(nil)
	_ fusefs.NodeGetxattrer  = (*file)(nil)
	_ fusefs.NodeListxattrer = (*file)(nil)
)

// path is how logs call the file.
func (n *file) path() string {
	dir, name := n.where()
	return path.Join(dir.String(), EncodeName(name))
}

// current returns the secret as the Source has it now.
func (n *file) current(ctx context.Context) (*secret.Folder, secret.Secret, error) {
	var s secret.Secret
	dir, name := n.where()
	snap, ok, err := n.fs.find(ctx, dir, func(snap *secret.Folder) (ok bool) {
		s, ok = snap.Secret(name)
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
	if p := n.fs.pokedBy(ctx); p != nil {
		return p.getattrFile(n, out)
	}
	if sc := n.asScratch(); sc != nil {
		sc.getattr(&out.Attr)
		return 0
	}
	dir, name := n.where()
	n.fs.settle(ctx, dir, name)
	writing := n.fs.local.beingWritten(dir, name)
	snap, s, err := n.current(ctx)
	switch {
	case err == nil:
		n.fs.secretAttr(&s, &out.Attr)
		if !writing {
			out.SetTimeout(n.fs.remaining(snap))
		}
	case errors.Is(err, secret.ErrNotFound) && n.fs.local.beingCreated(dir, name):
		n.fs.draftAttr(&out.Attr)
	case !n.attrOfHandle(fh, err, &out.Attr):
		return n.fs.failed("getattr", n.path(), err)
	}
	// Who writes sees the length of what it has written, because that is where
	// it goes on after a seek to the end.
	if h, ok := fh.(*writeHandle); ok && h.mine(n.fs.callers.of(ctx)) {
		out.Size = uint64(h.size())
	}
	return 0
}

// attrOfHandle describes a file that has no current version by what is open.
func (n *file) attrOfHandle(fh fusefs.FileHandle, err error, out *fuse.Attr) bool {
	if errnoOf(err) == syscall.EACCES {
		return false
	}
	switch h := fh.(type) {
	case *handle:
		if held := h.secret.Load(); held != nil {
			n.fs.secretAttr(held, out)
			return true
		}
	case *writeHandle:
		n.fs.draftAttr(out)
		return true
	}
	return false
}

// Open freezes the current version for the handle. Pages are not cached: direct
// I/O asks the handle, so that each reads its own version. Nothing was written,
// so the kernel need not wait for a FLUSH at close.
func (n *file) Open(ctx context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if p := n.fs.pokedBy(ctx); p != nil {
		return p.open(n, flags)
	}
	if sc := n.asScratch(); sc != nil {
		return n.openScratch(ctx, sc, flags)
	}
	if writesWith(flags) {
		return n.openToWrite(ctx, flags)
	}
	dir, name := n.where()
	n.fs.settle(ctx, dir, name)
	h := &handle{file: n}
	err := n.fs.opened.open(h, func() error {
		_, s, err := n.current(ctx)
		if err != nil {
			return err
		}
		if s.Hidden {
			return hidden(&s)
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
