package fs

import (
	"context"
	"errors"
	"syscall"
	"time"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/writeback"
	"infisicalfs/secret"
)

// Flush is close(2) of one descriptor, which need not be the last: a shell that
// redirects makes copies and closes them before anything is written. So what
// was written is sent if the process that opened the file closes it, and the
// verdict is what close returns; everything else waits for Release.
func (h *writeHandle) Flush(ctx context.Context) syscall.Errno {
	f := h.file.fs
	thread := threadOf(ctx)
	who := f.processOf(ctx)
	owes := h.buffer.Flushed()
	switch {
	case owes && h.buffer.UsedBy(who) && caller.Killed(thread):
		if dir, name := h.file.where(); h.buffer.Abort(dir, name) {
			f.writes.killed.Add(1)
		}
		return syscall.EINTR // nobody is there to hear it
	case h.buffer.Opener().Other(who):
		return 0
	case h.scratch != nil && h.wrote.Load() && f.overlay.IsDoubtful(h.scratch) && caller.Killed(thread):
		f.overlay.NoteKilled(h.scratch)
		return syscall.EINTR
	}
	ctx, stop := f.killable(ctx)
	defer stop()
	return h.verdict("close", h.send(ctx, writeback.AtClose))
}

// Fsync sends the text, also once more after a failure. Of a file that was
// emptied by opening it and not written yet it says nothing.
func (h *writeHandle) Fsync(ctx context.Context, _ uint32) syscall.Errno {
	ctx, stop := h.file.fs.killable(ctx)
	defer stop()
	return h.verdict("fsync", h.send(ctx, writeback.AtFsync))
}

// Release is the end of the last descriptor. Nobody hears what becomes of what
// is sent now: the caller did not wait.
func (h *writeHandle) Release(ctx context.Context) syscall.Errno {
	f := h.file.fs
	if h.buffer.Releasing() {
		if err := h.send(onBehalfOf(context.WithoutCancel(ctx), h.caller), writeback.AtRelease); err != nil {
			f.writes.failedReleases.Add(1)
			h.verdict("release", err)
		}
	}
	f.opened.Close(h)
	f.drafts.drop(h)
	f.writers.Drop(h)
	h.letCacheIn()
	if h.buffer.Wipe() { // the name is gone again
		dir, name := h.file.where()
		f.reveal(dir, name)
	}
	if h.scratch != nil {
		f.overlay.Leave(h.scratch)
	}
	h.buffer.Released()
	return 0
}

// verdict reports what became of sending.
func (h *writeHandle) verdict(op string, err error) syscall.Errno {
	if err == nil {
		return 0
	}
	return h.file.fs.failedAs(op, h.file.path(), err, flushErrno(err))
}

// flushErrno is errnoOf for close, fsync and release: the kernel repeats none of
// them on ESTALE.
func flushErrno(err error) syscall.Errno {
	if errors.Is(err, secret.ErrConflict) {
		return syscall.ESTALE
	}
	return errnoOf(err)
}

// How long an operation waits for a file that programs have closed already: for
// the kernel to send RELEASE, and then for the value to arrive.
const (
	releaseComes = time.Second
	releaseLasts = 5 * time.Second
)

// awaitRelease waits for what was closed a moment ago: a shell's `: > KEY` has
// returned, and the value is sent only now. A file that stays open although one
// of its descriptors was closed is not waited for if that can be seen (a shell
// that redirects closes one at once, and then asks what it writes to), else once.
//
// Neither is the handle that the request itself holds, nil for none: its RELEASE
// waits for the request. go-fuse has GETATTR hold any handle that is open.
func (f *FS) awaitRelease(ctx context.Context, dir secret.Dir, name string, holds *writeHandle) {
	for _, h := range f.drafts.of(dir, name) {
		b := h.buffer
		if h != holds && b.LooksClosed() && !h.stillOpen() && !b.AwaitRelease(ctx, releaseComes) && b.IsReleasing() {
			b.AwaitRelease(ctx, releaseLasts)
		}
	}
}

// stillOpen reports whether whoever opened the handle is known to have the file
// open for writing. RELEASE is on its way before the last close(2) returns.
func (h *writeHandle) stillOpen() bool {
	return !h.buffer.IsReleasing() && h.buffer.Opener().Writes(h.file.StableAttr().Ino)
}
