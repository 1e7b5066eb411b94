package transport

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

// BeginWrite starts the deadline of a change and ties the change to its caller
// until something is on its way. The end function must be called.
func (t *Transport) BeginWrite(caller context.Context) (context.Context, func()) {
	ctx, end := withDeadline(t.memory.WithAllowance(context.WithoutCancel(caller)), t.cfg.Timeout, t.cfg.WriteWait)
	ctx, cancel := context.WithCancelCause(ctx)
	l := &callerTie{caller: caller, cancel: cancel}
	l.attach()
	ctx = context.WithValue(ctx, callerTieKey{}, l)
	return ctx, func() {
		l.stop()
		cancel(nil)
		end()
	}
}

// callerTie ends a change together with its caller for as long as the server was
// not asked for anything. From then on the change is seen to its end, because
// nobody could tell what became of it otherwise. It belongs to the change's
// goroutine.
type callerTie struct {
	caller   context.Context
	cancel   context.CancelCauseFunc // of the change
	attached bool
	stop     func() bool
}

type callerTieKey struct{}

func (l *callerTie) attach() {
	l.attached = true
	l.stop = context.AfterFunc(l.caller, func() { l.cancel(context.Cause(l.caller)) })
}

// detach lets go of the caller, unless the caller has ended already.
func (l *callerTie) detach() error {
	if l.attached && !l.stop() {
		return context.Cause(l.caller)
	}
	l.attached = false
	return nil
}

// OutcomeUnknown is the failure of a request that the server may have executed.
type OutcomeUnknown struct{ Err error }

func (u OutcomeUnknown) Error() string { return u.Err.Error() }

func (u OutcomeUnknown) Unwrap() error { return u.Err }

// Submit sends a change once and returns what the server answered. It is sent
// again only if the server refused to look at it: for the rate limit, or for a
// token that has to be replaced. A third of the deadline is left over for asking
// what became of it; an error is [OutcomeUnknown] if that has to be asked.
func (t *Transport) Submit(ctx context.Context, r Request) (*Response, error) {
	if text, err := encode(r.Body); err != nil || len(text) > maxBody {
		return nil, fmt.Errorf("%s: the server takes %d KiB in all, escapes included: %w", r.Op, maxBody>>10, secret.ErrTooLarge)
	}
	l := ctx.Value(callerTieKey{}).(*callerTie)
	wasAttached := l.attached
	for replay := false; ; {
		token, err := t.tokens.get(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Op, err)
		}
		if err := t.gate.wait(ctx, r.Class); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Op, err)
		}
		limit := remaining(ctx) - t.cfg.Timeout/3
		if limit < t.cfg.Timeout/6 {
			return nil, fmt.Errorf("%s: not sent, too little time is left: %w", r.Op, errDeadline)
		}
		if err := l.detach(); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Op, err)
		}
		answer, err := t.attemptWithin(ctx, limit, r, token)
		switch {
		case NeverLeft(err):
			return nil, err
		case err != nil:
			return nil, OutcomeUnknown{err}
		case isRateLimited(answer):
		case !replay && tokenRejected(answer):
			t.tokens.reject(token)
			replay = true
		default:
			return answer, nil
		}
		if wasAttached {
			l.attach()
		}
	}
}

func (t *Transport) attemptWithin(ctx context.Context, limit time.Duration, r Request, token secret.Value) (*Response, error) {
	cause := fmt.Errorf("no answer from %s within %s: %w", t.base.Host, limit.Round(time.Millisecond), secret.ErrTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, cause)
	defer cancel()
	return t.attempt(ctx, r, token, 1)
}

// NeverLeft reports whether a request failed before there was a connection.
func NeverLeft(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" || isCertificateError(err)
}

// remaining is how much of the operation's deadline is left.
func remaining(ctx context.Context) time.Duration {
	w := deadlineOf(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.left - time.Since(w.since)
}
