package fs

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/secret"
)

// change is what of a handle's text the server does not have yet.
type change uint8

const (
	nothing change = iota
	opened         // created or emptied by opening: sent when the file is let go
	written        // written or cut to a length: sent when its owner closes it
)

// writeHandle is a file open for writing: a text of its own, which is sent as a
// whole. Readers see what the server has. All handles of a scratch file share
// the file's text instead.
type writeHandle struct {
	file    *file
	scratch *scratchFile // nil for a secret
	opener  process
	caller  fuse.Caller // who opened it: RELEASE names nobody
	append  bool

	turn     chan struct{} // full while the text is sent
	released chan struct{} // closed when the last of the handle is done
	revoked  atomic.Bool
	notes    notes // about a secret that it creates

	mu       sync.Mutex // guards what follows; nothing is asked under it
	text     text       // of a secret
	foreign  bool       // it began with what the server had
	base     base
	created  bool      // and not sent yet: the server does not have the secret
	unsent   change    // of the text
	cut      bool      // the last write did not fit: the text is a part, and is not sent
	failed   error     // of the last attempt to send; nil since something was written
	ended    error     // why nothing will be sent any more, nil while it may
	writers  []process // who wrote
	closing  bool      // somebody has closed a descriptor of it
	lingers  bool      // although somebody has, it stays open
	sendNext bool      // RELEASE has come
}

var (
	_ fusefs.FileReader   = (*writeHandle)(nil)
	_ fusefs.FileWriter   = (*writeHandle)(nil)
	_ fusefs.FileFlusher  = (*writeHandle)(nil)
	_ fusefs.FileFsyncer  = (*writeHandle)(nil)
	_ fusefs.FileReleaser = (*writeHandle)(nil)
)

func (n *file) newHandle(ctx context.Context, flags uint32) *writeHandle {
	return &writeHandle{
		file:     n,
		opener:   n.fs.callers.of(ctx),
		caller:   callerOf(ctx),
		append:   flags&syscall.O_APPEND != 0,
		turn:     make(chan struct{}, 1),
		released: make(chan struct{}),
	}
}

// Read reads the handle's own text.
func (h *writeHandle) Read(_ context.Context, dest []byte, off int64) (_ fuse.ReadResult, errno syscall.Errno) {
	n := 0
	h.with(func(t *text) {
		n = t.readAt(dest, off)
	}, func(err error) { errno = errnoOf(err) })
	return fuse.ReadResultData(dest[:n]), errno
}

// with calls do with the text, locked, or otherwise with why there is none.
func (h *writeHandle) with(do func(*text), otherwise func(error)) {
	if h.scratch != nil {
		h.scratch.mu.Lock()
		defer h.scratch.mu.Unlock()
		do(&h.scratch.text)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.revoked.Load():
		otherwise(errRevoked)
	case h.ended != nil && h.ended != errNoName:
		otherwise(h.ended)
	default:
		do(&h.text)
	}
}

// Write changes the text. The kernel's offset does not count for a handle that
// appends: it comes from the size that the kernel last heard of.
func (h *writeHandle) Write(ctx context.Context, data []byte, off int64) (uint32, syscall.Errno) {
	errno := h.edit(ctx, func(size int) (int, syscall.Errno) {
		if h.append {
			off = int64(size)
		}
		if off > math.MaxInt32 {
			return 0, syscall.EFBIG
		}
		return max(size, int(off)+len(data)), 0
	}, func(t *text) { t.writeAt(data, int(off)) })
	if errno != 0 {
		return 0, errno
	}
	return uint32(len(data)), 0
}

// truncate is ftruncate(2).
func (h *writeHandle) truncate(ctx context.Context, size uint64) syscall.Errno {
	return h.edit(ctx, func(int) (int, syscall.Errno) {
		if size > math.MaxInt32 {
			return 0, syscall.EFBIG
		}
		return int(size), 0
	}, func(t *text) { t.resize(int(size)) })
}

// edit changes the text with do, if the size that grow says is allowed.
func (h *writeHandle) edit(ctx context.Context, grow func(size int) (int, syscall.Errno), do func(*text)) (errno syscall.Errno) {
	who := h.file.fs.callers.of(ctx)
	if h.scratch != nil {
		return h.editScratch(who, grow, do)
	}
	h.with(func(t *text) {
		var size int
		if size, errno = grow(len(t.b)); errno != 0 {
			return
		}
		if size > maxValue {
			errno, h.cut = syscall.EFBIG, true
			return
		}
		do(t)
		h.dirty(who)
	}, func(err error) { errno = errnoOf(err) })
	return errno
}

func (h *writeHandle) editScratch(who process, grow func(size int) (int, syscall.Errno), do func(*text)) syscall.Errno {
	sc := h.scratch
	sc.mu.Lock()
	defer sc.mu.Unlock()
	size, errno := grow(len(sc.text.b))
	if errno == 0 {
		errno = sc.resize(size)
	}
	if errno != 0 {
		return errno
	}
	do(&sc.text)
	sc.changed()
	if sc.leaving { // a secret by now: its writer has renamed it before closing it
		h.mu.Lock()
		h.dirty(who)
		h.mu.Unlock()
	}
	return 0
}

// dirty says that who has changed the text. [writeHandle.mu] is held.
func (h *writeHandle) dirty(who process) {
	h.unsent, h.failed, h.cut = written, nil, false
	if who.known() && !slices.Contains(h.writers, who) {
		h.writers = append(h.writers, who)
	}
}

// mine reports whether who opened the handle or wrote to it, as far as that can
// be known.
func (h *writeHandle) mine(who process) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.opener.other(who) || slices.Contains(h.writers, who)
}

// delivered reports whether somebody has closed the handle and the server has all
// of its text: it probably waits for its RELEASE only.
func (h *writeHandle) delivered() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closing && h.unsent == nothing
}

// size is what the text's own writers see: they seek to its end.
func (h *writeHandle) size() (n int) {
	h.with(func(t *text) { n = len(t.b) }, func(error) {})
	return n
}

// creating reports whether the handle has created its secret and not sent it.
func (h *writeHandle) creating() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.created && h.ended == nil
}

// rebase says that a change of ours that is not about the value made version to
// of version from.
func (h *writeHandle) rebase(from, to base) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.base == from {
		h.base = to
	}
}

// end says why nothing is sent any more.
func (h *writeHandle) end(why error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended == nil {
		h.ended = why
	}
}

func (h *writeHandle) folder() secret.Dir {
	dir, _ := h.file.where()
	return dir
}

func (h *writeHandle) revoke() { h.revoked.Store(true) }
