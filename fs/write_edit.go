package fs

import (
	"context"
	"math"
	"slices"
	"syscall"
	"time"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/textedit"
	"infisicalfs/secret"
)

// Write changes the text. What cannot be part of a value is refused now, because
// many programs check no close.
func (h *writeHandle) Write(ctx context.Context, data []byte, off int64) (uint32, syscall.Errno) {
	if errno := h.edit(ctx, textedit.Edit{Data: data, Off: off}); errno != 0 {
		return 0, errno
	}
	return uint32(len(data)), 0
}

// truncate is ftruncate(2).
func (h *writeHandle) truncate(ctx context.Context, size uint64) syscall.Errno {
	return h.edit(ctx, textedit.Edit{Off: int64(min(size, math.MaxInt64)), Cut: true})
}

func (h *writeHandle) edit(ctx context.Context, e textedit.Edit) (errno syscall.Errno) {
	who := h.file.fs.processOf(ctx)
	if h.scratch != nil {
		return h.editScratch(who, e)
	}
	overwrites := !textedit.MayBeText(e.Data) && caller.Shreds(callerOf(ctx).Pid)
	var refused secret.Value
	h.with(func(t *textedit.Text) {
		e := h.place(e, t)
		if h.dropped = h.dropped || overwrites && h.began(); h.dropped {
			h.drop()
			return
		}
		if errno = h.refuses(t, e); errno == syscall.EILSEQ && h.part == nil {
			refused = t.With(e)
		}
		if errno == 0 {
			e.Do(t)
			h.dirty(who, e)
		} else if !e.Cut {
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
func (h *writeHandle) place(e textedit.Edit, t *textedit.Text) textedit.Edit {
	if h.append && !e.Cut {
		e.Off = int64(t.Len())
	}
	return e
}

// refuses says why an edit cannot be. [writeHandle.mu] is held.
func (h *writeHandle) refuses(t *textedit.Text, e textedit.Edit) syscall.Errno {
	size, errno := e.Size(t.Len())
	switch {
	case errno != 0:
		return errno
	case size > textedit.Max:
		return syscall.EFBIG
	case t.Refuses(e.Data, int(e.Off)):
		return syscall.EILSEQ
	case size <= t.Len() && e.Cut: // what makes a text smaller needs no room
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
func (h *writeHandle) dirty(who caller.Process, e textedit.Edit) {
	if e.Cut && e.Off == 0 {
		h.part, h.foreign = nil, false
	}
	h.changes++
	h.changed = time.Now()
	h.unsent = written
	if who.Known() && !slices.Contains(h.writers, who) {
		h.writers = append(h.writers, who)
	}
}

func (h *writeHandle) editScratch(who caller.Process, e textedit.Edit) syscall.Errno {
	sc := h.scratch
	sc.mu.Lock()
	defer sc.mu.Unlock()
	e = h.place(e, &sc.text)
	size, errno := e.Size(sc.text.Len())
	if errno == 0 && sc.leaving && sc.text.Refuses(e.Data, int(e.Off)) { // a secret by now
		errno = syscall.EILSEQ
	}
	if errno == 0 {
		errno = sc.resize(size)
	}
	if errno == 0 {
		e.Do(&sc.text)
		h.wrote.Store(true)
		sc.wrote(who, h.opener)
	}
	if sc.leaving { // its writer has renamed it before closing it
		h.mu.Lock()
		defer h.mu.Unlock()
		if errno == 0 {
			h.dirty(who, e)
		} else if !e.Cut {
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
