package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"

	"infisicalfs/secret"
)

const attempts = 3 // of a GET that fails without the server's verdict, and of logins that collide

// try sends r until there is an answer worth handling. Only GETs are repeated
// after a failure that leaves open what the server did; a request that the rate
// limit refused was not executed, so any method is.
func (t *Transport) try(ctx context.Context, r Request, token secret.Value) (*Response, error) {
	pauses := backoff.NewExponentialBackOff() // with jitter
	pauses.InitialInterval = 200 * time.Millisecond
	pauses.MaxInterval = 2 * time.Second
	for n := 1; ; {
		if err := t.gate.wait(ctx, r.Class); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Op, err)
		}
		answer, err := t.attempt(ctx, r, token, n)
		if answer != nil && answer.status == http.StatusNotModified && r.ETag != "" && !answer.conditional {
			r.ETag = "" // it speaks of something else, so the whole answer is wanted
			continue
		}
		if answer != nil && isRateLimited(answer) {
			if secret.IsBackground(ctx) {
				return answer, nil
			}
			continue // the gate is closed now: it decides how long, and when it was too often
		}
		repeatable := r.Method == http.MethodGet || answer != nil && isCollision(answer)
		if !repeatable || n == attempts || ctx.Err() != nil || !transient(answer, err) {
			return answer, err
		}
		n++
		wait := pauses.NextBackOff()
		t.log.Debug("trying again", "op", r.Op, "attempt", n, "in", wait, "error", err)
		if err := sleep(ctx, wait); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Op, err)
		}
	}
}

// attempt sends r for the nth time. A first GET gives a silent server a third of
// the hard deadline only: the connection may be dead, and then there must be
// time for another. The later ones may use all that is left, because the server
// may just be slow.
func (t *Transport) attempt(ctx context.Context, r Request, token secret.Value, n int) (*Response, error) {
	responseTimeout := t.cfg.Timeout
	if r.Method == http.MethodGet && n == 1 {
		responseTimeout /= 3
	}
	began := time.Now()
	answer, err := t.send(ctx, r, token, responseTimeout)
	t.counts.add(r.Op, answer)
	if err != nil {
		if errors.Is(err, secret.ErrTimeout) {
			t.http.CloseIdleConnections() // those are probably dead too
		}
		t.log.Debug("request failed", "op", r.Op, "method", r.Method, "after", time.Since(began), "error", err)
		return nil, err
	}
	t.gate.learn(r.Class, answer, began)
	t.log.Debug("request", "op", r.Op, "method", r.Method, "status", answer.status, "bytes", len(answer.body), "after", time.Since(began))
	return answer, nil
}

// transient reports whether asking again may help. A plain 500 is not among
// the statuses: old servers answer mistakes of the client with it.
func transient(answer *Response, err error) bool {
	if err != nil {
		return !isCertificateError(err) && (errors.Is(err, secret.ErrUnavailable) || errors.Is(err, secret.ErrTimeout))
	}
	if isCollision(answer) {
		return true
	}
	switch answer.status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
