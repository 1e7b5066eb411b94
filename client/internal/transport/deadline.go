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

// stopwatch is an operation's hard deadline. It runs while the operation talks
// to the server and stands still while it waits in line for the rate limit,
// which has a bound of its own: all the waits of an operation together last no
// longer than its patience.
type stopwatch struct {
	mu       sync.Mutex // guards all below; held for a few instructions
	timer    *time.Timer
	left     time.Duration // for the server, as of since
	patience time.Duration // for the line, as of since
	since    time.Time     // when it was started or stopped last
	waiting  int           // parallel requests of the operation that wait in line; it stands still if any does
	ended    bool
}

type stopwatchKey struct{}

// Begin starts the hard deadline of an operation. The end function must be
// called. An operation that is part of another keeps the outer deadline.
func (t *Transport) Begin(ctx context.Context) (context.Context, func()) {
	if stopwatchOf(ctx) != nil {
		return ctx, func() {}
	}
	return withStopwatch(t.memory.WithAllowance(ctx), t.cfg.Timeout, t.cfg.RateWait)
}

func withStopwatch(ctx context.Context, timeout, patience time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &stopwatch{left: timeout, patience: patience, since: time.Now()}
	w.timer = time.AfterFunc(timeout, func() { cancel(errDeadline) })
	end := func() {
		w.mu.Lock()
		w.ended = true
		w.timer.Stop()
		w.mu.Unlock()
		cancel(context.Canceled)
	}
	return context.WithValue(ctx, stopwatchKey{}, w), end
}

// stopwatchOf returns the stopwatch of ctx's operation, nil if it has none.
func stopwatchOf(ctx context.Context) *stopwatch {
	w, _ := ctx.Value(stopwatchKey{}).(*stopwatch)
	return w
}

// stop makes w stand still until start is called, for a wait of d in line. It
// reports false, and does nothing, if the patience left is shorter than that.
func (w *stopwatch) stop(d time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	patience := w.patience
	if w.waiting > 0 {
		patience -= now.Sub(w.since)
	}
	if d > patience {
		return false
	}
	if w.waiting++; w.waiting == 1 {
		w.timer.Stop()
		w.left -= now.Sub(w.since)
		w.since = now
	}
	return true
}

func (w *stopwatch) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting--; w.waiting > 0 {
		return
	}
	now := time.Now()
	w.patience -= now.Sub(w.since)
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
