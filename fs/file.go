package fs

import (
	"context"
	"errors"
	"path"
	"sync/atomic"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/fs/internal/pagecache"
	"infisicalfs/secret"
)

// file is a secret, or a scratch file: a rename can turn one into the other.
type file struct {
	node
	at      atomic.Pointer[location]     // where the secret is, by its own name, not the file name
	scratch atomic.Pointer[overlay.File] // what it is, or was before it became a secret; else nil
	pages   pagecache.File
}

// path is how logs call the file.
func (n *file) path() string {
	dir, name := n.where()
	return path.Join(dir.String(), filename.Encode(name))
}

// version returns what is served of a file whose newest version is s.
func (n *file) version(s *secret.Secret) *secret.Secret {
	if n.fs.full() { // it may be kept for long, and without the folder that it is in
		s = apart(s)
	}
	served, waiting := n.pages.Serve(s, n.fs.full())
	if waiting {
		n.fs.queue(n.outdated())
	}
	return served
}

// attr describes, for the kernel to remember, a file whose newest version is s.
func (n *file) attr(s *secret.Secret, out *fuse.Attr) {
	if n.fs.full() {
		s = apart(s)
	}
	served, waiting := n.pages.TellSize(s, n.fs.full())
	if waiting {
		n.fs.queue(n.outdated())
	}
	dir, name := n.where()
	n.fs.secretAttr(dir, name, served, out)
	if served.Hidden && (n.fs.full() || n.pages.InUse()) {
		out.Size = 1 // with 0 the kernel would not READ, and who has it open would see the end
	}
}

// outdated says that the kernel has an old version of the file.
func (n *file) outdated() outdated {
	dir, name := n.where()
	return outdated{dir: dir, content: []string{filename.Encode(name), filename.Beside(name)}, file: n}
}

// current returns the secret as the Source has it now.
func (n *file) current(ctx context.Context) (*secret.Folder, secret.Secret, error) {
	var s secret.Secret
	dir, name := n.where()
	snap, ok, err := n.fs.find(ctx, dir, name, func(snap *secret.Folder) (ok bool) {
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
	if p := n.fs.eventOf(ctx); p != nil {
		return p.getattrFile(n, out)
	}
	if sc := n.asScratch(); sc != nil {
		sc.Getattr(&out.Attr)
		return 0
	}
	dir, name := n.where()
	held, _ := fh.(*writeHandle)
	n.fs.awaitRelease(ctx, dir, name, held)
	writing := n.fs.drafts.beingWritten(dir, name)
	snap, s, err := n.current(ctx)
	switch {
	case err == nil:
		n.attr(&s, &out.Attr)
		if !writing {
			out.SetTimeout(n.fs.remaining(snap))
		}
	case errors.Is(err, secret.ErrNotFound) && n.fs.drafts.beingCreated(dir, name):
		n.fs.draftAttr(dir, name, &out.Attr)
	case !n.attrOfHandle(fh, err, &out.Attr):
		return n.gone("getattr", err)
	case errors.Is(err, secret.ErrNotFound):
		out.Nlink = 0 // it has no name any more
	}
	// Who writes sees the length of what it has written, because that is where
	// it goes on after a seek to the end. A handle that is closed and has nothing
	// more to say may be from before somebody else's last change.
	if held != nil && !held.buffer.Delivered() && held.buffer.UsedBy(n.fs.processOf(ctx)) {
		out.Size = uint64(held.buffer.Len())
	}
	return 0
}

// attrOfHandle describes a file that has no current version by what is open.
func (n *file) attrOfHandle(fh fusefs.FileHandle, err error, out *fuse.Attr) bool {
	if errnoOf(err) == syscall.EACCES {
		return false
	}
	dir, name := n.where()
	switch h := fh.(type) {
	case *handle:
		if held := h.secret.Load(); held != nil {
			n.fs.secretAttr(dir, name, held, out)
			return true
		}
	case *writeHandle:
		n.fs.draftAttr(dir, name, out)
		return true
	}
	return false
}

// Open freezes the current version for the handle. Nothing was written, so the
// kernel need not wait for a FLUSH at close.
func (n *file) Open(ctx context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if p := n.fs.eventOf(ctx); p != nil {
		return p.open(n, flags)
	}
	if sc := n.asScratch(); sc != nil {
		return n.openScratch(ctx, sc, flags)
	}
	if n.fs.full() {
		return nil, 0, syscall.ENOSYS
	}
	if writesWith(flags) {
		return n.openToWrite(ctx, flags)
	}
	dir, name := n.where()
	n.fs.awaitRelease(ctx, dir, name, nil)
	h := &handle{file: n}
	err := n.fs.opened.Open(h, func() error {
		h.epoch = n.pages.Epoch()
		_, s, err := n.current(ctx)
		switch {
		case errors.Is(err, secret.ErrNotFound) && (h.openDraft(ctx) || h.openRemoved()):
			return nil
		case err != nil:
			return err
		case s.Hidden:
			return s.Unreadable()
		}
		h.secret.Store(n.version(&s))
		return nil
	})
	if err != nil {
		return nil, 0, n.gone("open", err)
	}
	n.fs.opens.Add(1)
	if flags&OpenCached != 0 {
		return n.openInherited(h)
	}
	return h, n.openFlags(ctx, h) | fuse.FOPEN_NOFLUSH, 0
}

// openFlags says what the kernel may remember of what h has.
func (n *file) openFlags(ctx context.Context, h *handle) uint32 {
	s := h.secret.Load()
	if s == nil || h.apart || n.fs.cfg.KernelCache == CacheOff {
		return fuse.FOPEN_DIRECT_IO
	}
	mode := n.pages.Open(h.epoch, s)
	if mode.Cached() {
		h.cached.Store(true)
		if h.secret.Load() == nil { // revoked since, by who did not see that there are pages
			n.forget()
		}
		h.note(ctx) // there may be nothing left to READ
	}
	switch mode {
	case pagecache.Drop:
		return 0
	case pagecache.Keep:
		return fuse.FOPEN_KEEP_CACHE
	case pagecache.DirectWrongSize:
		n.fs.queue(n.outdated())
	}
	if n.pages.Wanted() {
		return fuse.FOPEN_DIRECT_IO | fuse.FOPEN_KEEP_CACHE // or others would lose their pages
	}
	// sendfile(2) and splice(2) read pages even so, and who has an older version open
	// with direct I/O may have put its bytes into them.
	return fuse.FOPEN_DIRECT_IO
}

// openInherited opens h for a handle of an earlier process that the kernel shows pages
// for.
func (n *file) openInherited(h *handle) (fusefs.FileHandle, uint32, syscall.Errno) {
	s := h.secret.Load()
	if s == nil || h.apart || !n.pages.OpenInherited(h.epoch, s) {
		n.fs.opened.Close(h)
		h.Revoke()
		return nil, 0, syscall.ESTALE
	}
	h.cached.Store(true)
	return h, fuse.FOPEN_KEEP_CACHE | fuse.FOPEN_NOFLUSH, 0
}

// forget makes the kernel forget the file's size and pages.
func (n *file) forget() { n.pages.Drop(func() { n.NotifyContent(0, 0) }) }

// gone is failed for what a path leads to. If the secret has gone since the
// kernel looked its name up, ESTALE makes the kernel look again, once: then it
// is absent, or created where the caller asks for that. One that is created here
// and not sent yet has a name, and nothing to change.
func (n *file) gone(op string, err error) syscall.Errno {
	if errors.Is(err, secret.ErrNotFound) && !n.fs.drafts.beingCreated(n.where()) {
		return syscall.ESTALE
	}
	return n.fs.failed(op, n.path(), err)
}
