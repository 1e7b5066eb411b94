package client

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
func (c *Client) try(ctx context.Context, r request, token secret.Value) (*response, error) {
	pauses := backoff.NewExponentialBackOff() // with jitter
	pauses.InitialInterval = 200 * time.Millisecond
	pauses.MaxInterval = 2 * time.Second
	for n := 1; ; {
		if err := c.gate.wait(ctx, r.class); err != nil {
			return nil, fmt.Errorf("%s: %w", r.op, err)
		}
		answer, err := c.attempt(ctx, r, token, n)
		if answer != nil && answer.status == http.StatusNotModified && r.etag != "" && !answer.conditional {
			r.etag = "" // it speaks of something else, so the whole answer is wanted
			continue
		}
		if answer != nil && isRateLimited(answer) {
			if secret.IsBackground(ctx) {
				return answer, nil
			}
			continue // the gate is closed now: it decides how long, and when it was too often
		}
		repeatable := r.method == http.MethodGet || answer != nil && isCollision(answer)
		if !repeatable || n == attempts || ctx.Err() != nil || !transient(answer, err) {
			return answer, err
		}
		n++
		wait := pauses.NextBackOff()
		c.log.Debug("trying again", "op", r.op, "attempt", n, "in", wait, "error", err)
		if err := sleep(ctx, wait); err != nil {
			return nil, fmt.Errorf("%s: %w", r.op, err)
		}
	}
}

// attempt sends r for the nth time. A first GET gives a silent server a third of
// the hard deadline only: the connection may be dead, and then there must be
// time for another. The later ones may use all that is left, because the server
// may just be slow.
func (c *Client) attempt(ctx context.Context, r request, token secret.Value, n int) (*response, error) {
	patience := c.cfg.Timeout
	if r.method == http.MethodGet && n == 1 {
		patience /= 3
	}
	began := time.Now()
	answer, err := c.send(ctx, r, token, patience)
	c.counts.add(r.op, answer)
	if err != nil {
		if errors.Is(err, secret.ErrTimeout) {
			c.http.CloseIdleConnections() // those are probably dead too
		}
		c.log.Debug("request failed", "op", r.op, "method", r.method, "after", time.Since(began), "error", err)
		return nil, err
	}
	c.gate.learn(r.class, answer, began)
	c.log.Debug("request", "op", r.op, "method", r.method, "status", answer.status, "bytes", len(answer.body), "after", time.Since(began))
	return answer, nil
}

// transient reports whether asking again may help. A plain 500 is not among
// the statuses: old servers answer mistakes of the client with it.
func transient(answer *response, err error) bool {
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
