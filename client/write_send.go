package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"infisicalfs/secret"
)

// maxBody is the largest body that servers take, in bytes.
const maxBody = 1 << 20

// beginWrite starts the deadline of a change and ties the change to its caller
// until something is on its way. The end function must be called.
func (c *Client) beginWrite(caller context.Context) (context.Context, func()) {
	ctx, end := withStopwatch(c.memory.WithAllowance(context.WithoutCancel(caller)), c.cfg.Timeout, c.cfg.WriteWait)
	ctx, cancel := context.WithCancelCause(ctx)
	l := &leash{caller: caller, cancel: cancel}
	l.attach()
	ctx = context.WithValue(ctx, leashKey{}, l)
	return ctx, func() {
		l.stop()
		cancel(nil)
		end()
	}
}

// leash ends a change together with its caller for as long as the server was
// not asked for anything. From then on the change is seen to its end, because
// nobody could tell what became of it otherwise. It belongs to the change's
// goroutine.
type leash struct {
	caller   context.Context
	cancel   context.CancelCauseFunc // of the change
	attached bool
	stop     func() bool
}

type leashKey struct{}

func (l *leash) attach() {
	l.attached = true
	l.stop = context.AfterFunc(l.caller, func() { l.cancel(context.Cause(l.caller)) })
}

// slip lets go of the caller, unless the caller has ended already.
func (l *leash) slip() error {
	if l.attached && !l.stop() {
		return context.Cause(l.caller)
	}
	l.attached = false
	return nil
}

// unsettled is the failure of a request that the server may have executed.
type unsettled struct{ error }

func (u unsettled) Unwrap() error { return u.error }

// submit sends a change once and returns what the server answered. It is sent
// again only if the server refused to look at it: for the rate limit, or for a
// token that has to be replaced. A third of the deadline is left over for asking
// what became of it; an error is unsettled if that has to be asked.
func (c *Client) submit(ctx context.Context, r request) (*response, error) {
	if text, err := encode(r.body); err != nil || len(text) > maxBody {
		return nil, fmt.Errorf("%s: the server takes %d KiB in all, escapes included: %w", r.op, maxBody>>10, secret.ErrTooLarge)
	}
	l := ctx.Value(leashKey{}).(*leash)
	wasAttached := l.attached
	for replay := false; ; {
		token, err := c.tokens.get(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.op, err)
		}
		if err := c.gate.wait(ctx, r.class); err != nil {
			return nil, fmt.Errorf("%s: %w", r.op, err)
		}
		limit := remaining(ctx) - c.cfg.Timeout/3
		if limit < c.cfg.Timeout/6 {
			return nil, fmt.Errorf("%s: not sent, too little time is left: %w", r.op, errDeadline)
		}
		if err := l.slip(); err != nil {
			return nil, fmt.Errorf("%s: %w", r.op, err)
		}
		answer, err := c.attemptWithin(ctx, limit, r, token)
		switch {
		case neverLeft(err):
			return nil, err
		case err != nil:
			return nil, unsettled{err}
		case isRateLimited(answer):
		case !replay && tokenRefused(answer):
			c.tokens.reject(token)
			replay = true
		default:
			return answer, nil
		}
		if wasAttached {
			l.attach()
		}
	}
}

func (c *Client) attemptWithin(ctx context.Context, limit time.Duration, r request, token secret.Value) (*response, error) {
	cause := fmt.Errorf("no answer from %s within %s: %w", c.base.Host, limit.Round(time.Millisecond), secret.ErrTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, cause)
	defer cancel()
	return c.attempt(ctx, r, token, 1)
}

// neverLeft reports whether a request failed before there was a connection.
func neverLeft(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" || isCertificateError(err)
}

// remaining is how much of the operation's deadline is left.
func remaining(ctx context.Context) time.Duration {
	w := stopwatchOf(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.left - time.Since(w.since)
}
