package writeback

import (
	"context"
	"time"
)

// Flushed says that FLUSH has come, so that somebody has closed a descriptor. It
// reports whether there is something to send that was not tried.
func (b *Buffer) Flushed() (owes bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flushed = true
	return b.owes()
}

// Releasing says that RELEASE has come, so that no descriptor is left. It reports
// whether there is something to send that was not tried.
func (b *Buffer) Releasing() (owes bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.releasing = true
	return b.owes()
}

// Wipe is the end of the text. It reports whether the secret that was to be created
// never was, so that its name is gone again.
func (b *Buffer) Wipe() (never bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text.Wipe()
	b.cfg.Texts.Give(&b.room)
	return b.created
}

// Released says that all is done that follows of RELEASE. Call it once.
func (b *Buffer) Released() { close(b.released) }

// owes reports whether there is something to send that was not tried. [Buffer.mu] is
// held.
func (b *Buffer) owes() bool {
	return b.ended != ErrNoName && !b.hasFailed() && b.dirty != clean
}

// Delivered reports whether somebody has closed the file and the server has all
// of its text: it probably waits for its RELEASE only.
func (b *Buffer) Delivered() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.flushed && !b.owes()
}

// LooksClosed reports whether the file seems to be closed with something unsent: its
// RELEASE has come, or will come in a moment. It has not if somebody has waited for
// that in vain, see [Buffer.AwaitRelease].
func (b *Buffer) LooksClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.releasing || b.flushed && !b.lingers && b.dirty == opened
}

// IsReleasing reports whether RELEASE has come.
func (b *Buffer) IsReleasing() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.releasing
}

// AwaitRelease waits for [Buffer.Released], until ctx ends and for as long as limit
// says, and reports whether it came.
func (b *Buffer) AwaitRelease(ctx context.Context, limit time.Duration) bool {
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	select {
	case <-b.released:
		return true
	case <-ctx.Done():
	case <-timeout.C:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lingers = true
	return false
}
