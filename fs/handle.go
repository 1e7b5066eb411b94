package fs

import (
	"context"
	"sync/atomic"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/openfiles"
	"infisicalfs/fs/internal/textedit"
	"infisicalfs/secret"
)

// handle is an open secret. It holds the version that was current at open.
type handle struct {
	file    *file
	secret  atomic.Pointer[secret.Secret] // nil once revoked or released
	noted   atomic.Bool                   // its reader is known to have seen the version
	read    atomic.Bool                   // it was read from
	settled atomic.Bool                   // its version has memory of its own
	apart   bool                          // its text is no version that the server has: of a secret that is being created, or was removed
	cached  atomic.Bool                   // it was opened with the kernel's cache,
	epoch   uint64                        // of the file's pages, from before its version was asked for
}

// openDraft opens a secret that is being created and is not on the server yet, if
// it is one. Who creates it reads what it has written so far; there is nothing to
// read for anybody else, which is not an absence: a file that was opened once can
// be opened again, as scanners do (fanotify) before whoever creates it goes on.
func (h *handle) openDraft(ctx context.Context) bool {
	f := h.file.fs
	dir, name := h.file.where()
	who := f.processOf(ctx)
	for _, draft := range f.drafts.of(dir, name) {
		if !draft.buffer.Creating() {
			continue
		}
		s := &secret.Secret{Name: name}
		if who.Known() && draft.buffer.Opener().Known() && draft.buffer.UsedBy(who) {
			_ = draft.buffer.With(func(t *textedit.Text) { s.Value = t.Value() })
		}
		h.apart = true
		h.secret.Store(s)
		return true
	}
	return false
}

// openRemoved opens a secret that was removed here, if somebody has it open for
// reading: by way of that descriptor it can be opened again (/dev/fd), as any file
// can that has no name any more.
func (h *handle) openRemoved() bool {
	f := h.file.fs
	if !f.overlay.WasUnlinked(h.file.where()) {
		return false
	}
	s := f.shownBy(h.file)
	if s == nil {
		return false
	}
	h.apart = true
	h.secret.Store(s)
	return true
}

// shownBy returns what somebody has who has n open for reading; nil if nobody has.
func (f *FS) shownBy(n *file) (s *secret.Secret) {
	f.opened.Each(func(open openfiles.File) bool {
		if h, ok := open.(*handle); ok && h.file == n {
			s = h.secret.Load()
		}
		return s == nil
	})
	return s
}

// Read copies from the version that the handle holds. After a revocation there
// is none, and it answers EACCES. What would get into pages of another version
// is ESTALE.
func (h *handle) Read(ctx context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	f := h.file.fs
	f.reads.Add(1)
	s := h.secret.Load()
	switch {
	case s == nil:
		return nil, syscall.EACCES
	case h.outdated():
		return nil, syscall.ESTALE
	}
	if h.cached.Load() && !h.read.Swap(true) {
		h.file.pages.Opened(h.epoch)
	}
	h.note(ctx)
	return fuse.ReadResultData(dest[:s.Value.CopyAt(dest, off)]), 0
}

// note notes that the caller sees the version, for what it writes next.
func (h *handle) note(ctx context.Context) {
	f, s := h.file.fs, h.secret.Load()
	if s != nil && !h.apart && f.cfg.Writer != nil && !h.noted.Swap(true) {
		dir, name := h.file.where()
		f.bases.NoteRead(f.processOf(ctx), dir, name, s)
	}
}

// Lseek answers SEEK_DATA and SEEK_HOLE, which are all that the kernel asks: the
// value is data to its end. A successor is told the version.
func (h *handle) Lseek(_ context.Context, off uint64, whence uint32) (uint64, syscall.Errno) {
	s := h.secret.Load()
	switch {
	case s == nil:
		return 0, syscall.EACCES
	case h.outdated():
		return 0, syscall.ESTALE
	case asksVersion(whence):
		return h.version(s, off)
	case whence == lseekFill && h.cached.Load():
		return 0, 0
	case whence == lseekFill:
		return 0, h.file.fs.mayFill(h)
	}
	return seek(off, whence, s.Value.Len())
}

// Fsync succeeds as on any file that was only read.
func (h *handle) Fsync(context.Context, uint32) syscall.Errno { return 0 }

// Release lets go of the value.
func (h *handle) Release(context.Context) syscall.Errno {
	h.file.fs.opened.Close(h)
	h.Revoke()
	if h.cached.Load() {
		h.file.pages.Opened(h.epoch)
		h.file.pages.Close()
	}
	return 0
}

func (h *handle) Folder() secret.Dir {
	dir, _ := h.file.where()
	return dir
}

// outdated reports whether what h has would get into pages of another version.
func (h *handle) outdated() bool { return h.cached.Load() && h.file.pages.Outdated(h.epoch) }

// apart returns a version whose value is in memory of its own, so that keeping it does not
// keep others of its folder.
func apart(s *secret.Secret) *secret.Secret {
	own := *s
	own.Value = s.Value.Clone()
	return &own
}

// settle is called when the folder has changed: h may keep its version for long, and the
// others that were in the folder with it are to go.
func (h *handle) settle() {
	s := h.secret.Load()
	if s == nil || h.settled.Load() {
		return
	}
	own := apart(s)
	if h.secret.CompareAndSwap(s, own) { // else it was revoked or released
		h.settled.Store(true)
		h.file.pages.Exchange(s, own)
	}
}

func (h *handle) Revoke() { h.secret.Store(nil) }
