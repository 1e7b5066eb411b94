package client

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
// to the server and stands still while it waits in line for the rate limit:
// waiting there is bounded on its own.
type stopwatch struct {
	mu      sync.Mutex // guards all below; held for a few instructions
	timer   *time.Timer
	left    time.Duration
	started time.Time
	waiting int // parallel requests of the operation that wait in line
	ended   bool
}

type stopwatchKey struct{}

// begin starts the hard deadline of an operation. The end function must be
// called. An operation that is part of another keeps the outer deadline.
func (c *Client) begin(ctx context.Context) (context.Context, func()) {
	if _, ok := ctx.Value(stopwatchKey{}).(*stopwatch); ok {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	w := &stopwatch{left: c.cfg.Timeout, started: time.Now()}
	w.timer = time.AfterFunc(w.left, func() { cancel(errDeadline) })
	end := func() {
		w.mu.Lock()
		w.ended = true
		w.timer.Stop()
		w.mu.Unlock()
		cancel(context.Canceled)
	}
	return context.WithValue(ctx, stopwatchKey{}, w), end
}

// pause stops the deadline of ctx's operation, if it has one, until resume.
func pause(ctx context.Context) (resume func()) {
	w, ok := ctx.Value(stopwatchKey{}).(*stopwatch)
	if !ok {
		return func() {}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting++; w.waiting == 1 && w.timer.Stop() {
		w.left -= time.Since(w.started)
	}
	return w.resume
}

func (w *stopwatch) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting--; w.waiting == 0 && !w.ended {
		w.started = time.Now()
		w.timer.Reset(max(w.left, 0))
	}
}

// deadlineError names the operation when its deadline was what ended it.
func deadlineError(ctx context.Context, op string, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errDeadline) && !errors.Is(err, secret.ErrTimeout) {
		return fmt.Errorf("%s: %w", op, errDeadline)
	}
	return err
}
