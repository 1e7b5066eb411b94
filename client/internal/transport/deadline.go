package transport

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"infisicalfs/secret"
)

// errDeadline is the cause with which an operation's context ends when its time
// is up; it is told apart from the caller's own cancellation.
var errDeadline = fmt.Errorf("deadline passed: %w", secret.ErrTimeout)

// deadline is an operation's hard deadline. It runs while the operation talks to
// the server and is paused while a request of it waits for the rate limit. These
// waits have a bound of their own, rateWait, for all of an operation together.
type deadline struct {
	mu       sync.Mutex // guards all below; held for a few instructions
	timer    *time.Timer
	left     time.Duration // for the server, as of since
	rateWait time.Duration // for the rate limit, as of since
	since    time.Time     // when it was paused or resumed last
	waiting  int           // parallel requests of the operation that wait for the rate limit; it is paused if any does
	ended    bool
}

type deadlineKey struct{}

// Begin starts the hard deadline of an operation. The end function must be
// called. An operation that is part of another keeps the outer deadline.
func (t *Transport) Begin(ctx context.Context) (context.Context, func()) {
	if deadlineOf(ctx) != nil {
		return ctx, func() {}
	}
	return withDeadline(t.memory.WithAllowance(ctx), t.cfg.Timeout, t.cfg.RateWait)
}

func withDeadline(ctx context.Context, timeout, rateWait time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &deadline{left: timeout, rateWait: rateWait, since: time.Now()}
	w.timer = time.AfterFunc(timeout, func() { cancel(errDeadline) })
	end := func() {
		w.mu.Lock()
		w.ended = true
		w.timer.Stop()
		w.mu.Unlock()
		cancel(context.Canceled)
	}
	return context.WithValue(ctx, deadlineKey{}, w), end
}

// deadlineOf returns the deadline of ctx's operation, nil if it has none.
func deadlineOf(ctx context.Context) *deadline {
	w, _ := ctx.Value(deadlineKey{}).(*deadline)
	return w
}

// pause stops the clock until resume is called, for a wait of d for the rate limit.
// It reports false, and does nothing, if less than that is left of rateWait.
func (w *deadline) pause(d time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	rateWait := w.rateWait
	if w.waiting > 0 {
		rateWait -= now.Sub(w.since)
	}
	if d > rateWait {
		return false
	}
	if w.waiting++; w.waiting == 1 {
		w.timer.Stop()
		w.left -= now.Sub(w.since)
		w.since = now
	}
	return true
}

// resume ends one wait; the clock goes on when it was the last.
func (w *deadline) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting--; w.waiting > 0 {
		return
	}
	now := time.Now()
	w.rateWait -= now.Sub(w.since)
	w.since = now
	if !w.ended {
		w.timer.Reset(max(w.left, 0))
	}
}

// DeadlineError names the operation when its deadline was what ended it.
func DeadlineError(ctx context.Context, op string, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errDeadline) && !errors.Is(err, secret.ErrTimeout) {
		return fmt.Errorf("%s: %w", op, errDeadline)
	}
	return err
}
