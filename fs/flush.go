package fs

import (
	"context"
	"errors"
	"slices"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/secret"
)

// Flush is close(2) of one descriptor, which need not be the last: a shell that
// redirects makes copies and closes them before anything is written. So what
// was written is sent if the process that opened the file closes it, and the
// verdict is what close returns; everything else waits for Release.
func (h *writeHandle) Flush(ctx context.Context) syscall.Errno {
	f := h.file.fs
	thread := callerOf(ctx).Pid
	who := f.processOf(ctx)
	h.mu.Lock()
	h.closing = true
	owes := h.owes()
	involved := !h.opener.Other(who) || slices.Contains(h.writers, who)
	h.mu.Unlock()
	switch {
	case owes != nothing && involved && caller.Killed(thread):
		h.abort()
		return syscall.EINTR // nobody is there to hear it
	case h.opener.Other(who):
		return 0
	case h.scratch != nil && h.wrote.Load() && f.overlay.isDoubtful(h.scratch) && caller.Killed(thread):
		f.overlay.noteKilled(h.scratch)
		return syscall.EINTR
	}
	ctx, stop := f.patient(ctx)
	defer stop()
	return h.verdict("close", h.send(ctx, atClose))
}

// Fsync sends the text, also once more after a failure. Of a file that was
// emptied by opening it and not written yet it says nothing.
func (h *writeHandle) Fsync(ctx context.Context, _ uint32) syscall.Errno {
	ctx, stop := h.file.fs.patient(ctx)
	defer stop()
	return h.verdict("fsync", h.send(ctx, atFsync))
}

// Release is the end of the last descriptor. Nobody hears what becomes of what
// is sent now: the caller did not wait.
func (h *writeHandle) Release(ctx context.Context) syscall.Errno {
	f := h.file.fs
	h.mu.Lock()
	h.sendNext = true
	owes := h.owes()
	h.mu.Unlock()
	if owes != nothing {
		if err := h.send(fuse.NewContext(context.WithoutCancel(ctx), &h.caller), atRelease); err != nil {
			f.writes.failedReleases.Add(1)
			h.verdict("release", err)
		}
	}
	f.opened.close(h)
	f.overlay.dropWriter(h)
	f.writers.drop(h)
	h.letCacheIn()
	h.mu.Lock()
	created := h.created
	h.text.Wipe()
	f.rejected.Give(&h.room)
	h.mu.Unlock()
	if created { // and never sent: the name is gone again
		dir, name := h.file.where()
		f.reveal(dir, name)
	}
	if h.scratch != nil {
		f.overlay.leave(h.scratch)
	}
	close(h.released)
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
