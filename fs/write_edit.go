package fs

import (
	"context"
	"math"
	"slices"
	"syscall"
	"time"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/secret"
)

// edit is one change of a text: bytes that are written somewhere, or a length to
// which it is cut or filled up with zeros.
type edit struct {
	data []byte
	off  int64 // or the length
	cut  bool  // it sets a length
}

// size returns how long a text of so many bytes is after the edit.
func (e edit) size(before int) (int, syscall.Errno) {
	switch {
	case e.off > math.MaxInt32:
		return 0, syscall.EFBIG
	case e.cut:
		return int(e.off), 0
	case len(e.data) == 0:
		return before, 0
	}
	return max(before, int(e.off)+len(e.data)), 0
}

func (e edit) do(t *text) {
	if e.cut {
		t.resize(int(e.off))
	} else if len(e.data) > 0 {
		t.writeAt(e.data, int(e.off))
	}
}

// Write changes the text. What cannot be part of a value is refused now, because
// many programs check no close.
func (h *writeHandle) Write(ctx context.Context, data []byte, off int64) (uint32, syscall.Errno) {
	if errno := h.edit(ctx, edit{data: data, off: off}); errno != 0 {
		return 0, errno
	}
	return uint32(len(data)), 0
}

// truncate is ftruncate(2).
func (h *writeHandle) truncate(ctx context.Context, size uint64) syscall.Errno {
	return h.edit(ctx, edit{off: int64(min(size, math.MaxInt64)), cut: true})
}

func (h *writeHandle) edit(ctx context.Context, e edit) (errno syscall.Errno) {
	who := h.file.fs.processOf(ctx)
	if h.scratch != nil {
		return h.editScratch(who, e)
	}
	overwrites := !mayBeText(e.data) && caller.Shreds(callerOf(ctx).Pid)
	var refused secret.Value
	h.with(func(t *text) {
		e := h.place(e, t)
		if h.dropped = h.dropped || overwrites && h.began(); h.dropped {
			h.drop()
			return
		}
		if errno = h.refuses(t, e); errno == syscall.EILSEQ && h.part == nil {
			refused = t.with(e)
		}
		if errno == 0 {
			e.do(t)
			h.dirty(who, e)
		} else if !e.cut {
			h.spoil(errno)
		}
	}, func(err error) { errno = errnoOf(err) })
	dir, name := h.file.where()
	h.file.fs.keep(ctx, dir, name, refused, "no value can have these bytes")
	return errno
}

// place puts what is appended at the end of the text. The kernel's offset does
// not count for a handle that appends: it comes from the size that the kernel
// last heard of.
func (h *writeHandle) place(e edit, t *text) edit {
	if h.append && !e.cut {
		e.off = int64(len(t.b))
	}
	return e
}

// refuses says why an edit cannot be. [writeHandle.mu] is held.
func (h *writeHandle) refuses(t *text, e edit) syscall.Errno {
	size, errno := e.size(len(t.b))
	switch {
	case errno != 0:
		return errno
	case size > maxValue:
		return syscall.EFBIG
	case t.refuses(e.data, int(e.off)):
		return syscall.EILSEQ
	case size <= len(t.b) && e.cut: // what makes a text smaller needs no room
		return 0
	case h.file.fs.rejected.Grow(&h.room, h.caller.Uid, size) != nil:
		return syscall.ENOSPC
	}
	return 0
}

// spoil says that something is missing in the text from now on: a write was
// refused. [writeHandle.mu] is held.
func (h *writeHandle) spoil(errno syscall.Errno) {
	if h.part == nil {
		h.part = partError(errno)
	}
	h.changes++
	h.unsent = written
}

// partError is what close says about a text of which a write was refused.
func partError(errno syscall.Errno) error {
	switch errno {
	case syscall.EFBIG:
		return secret.ErrTooLarge
	case syscall.EILSEQ:
		return errBinary
	default:
		return errPart
	}
}

// dirty says that who has changed the text. A text that was emptied is whole,
// whatever was refused before, and has nothing of the server's any more.
// [writeHandle.mu] is held.
func (h *writeHandle) dirty(who caller.Process, e edit) {
	if e.cut && e.off == 0 {
		h.part, h.foreign = nil, false
	}
	h.changes++
	h.changed = time.Now()
	h.unsent = written
	if who.Known() && !slices.Contains(h.writers, who) {
		h.writers = append(h.writers, who)
	}
}

func (h *writeHandle) editScratch(who caller.Process, e edit) syscall.Errno {
	sc := h.scratch
	sc.mu.Lock()
	defer sc.mu.Unlock()
	e = h.place(e, &sc.text)
	size, errno := e.size(len(sc.text.b))
	if errno == 0 && sc.leaving && sc.text.refuses(e.data, int(e.off)) { // a secret by now
		errno = syscall.EILSEQ
	}
	if errno == 0 {
		errno = sc.resize(size)
	}
	if errno == 0 {
		e.do(&sc.text)
		h.wrote.Store(true)
		sc.wrote(who, h.opener)
	}
	if sc.leaving { // its writer has renamed it before closing it
		h.mu.Lock()
		defer h.mu.Unlock()
		if errno == 0 {
			h.dirty(who, e)
		} else if !e.cut {
			h.spoil(errno)
		}
	}
	return errno
}

// began reports whether the handle began with a value of the server's, and not
// with an empty text. [writeHandle.mu] is held.
func (h *writeHandle) began() bool { return !h.created && h.unsent != opened && h.foreign }

// drop says that nothing of what was written counts. [writeHandle.mu] is held.
func (h *writeHandle) drop() {
	h.unsent, h.part, h.failed = nothing, nil, refusal{}
	h.file.fs.rejected.Give(&h.room)
}
