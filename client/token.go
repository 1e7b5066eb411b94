package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"infisicalfs/secret"
)

// tokens keeps the one token that all requests share.
type tokens struct {
	client *Client
	auth   Auth

	turn chan struct{} // held by whoever talks to the server about the token; a channel, so that waiting for it can be given up

	mu      sync.Mutex // guards all below; never held while talking to the server
	current token      // zero value: none
	refused error      // why the last login was refused
	until   time.Time  // no login before then: servers lock out who keeps trying
	pause   time.Duration

	rejected secret.Value // the token that the server refused last
}

// Bounds of the pause after a refused login. Servers count failures for 30 s and
// lock out for five minutes.
const minLoginPause, maxLoginPause = 30 * time.Second, 5 * time.Minute

func newTokens(c *Client, auth Auth) *tokens {
	return &tokens{client: c, auth: auth, turn: make(chan struct{}, 1)}
}

// get returns a token that should work. If it has to be obtained, the other
// callers wait for the one who does.
func (t *tokens) get(ctx context.Context) (secret.Value, error) {
	if value, ok := t.usable(); ok {
		return value, nil
	}
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return secret.Value{}, context.Cause(ctx)
	}
	if value, ok := t.usable(); ok { // somebody else was faster
		return value, nil
	}
	return t.obtain(ctx)
}

func (t *tokens) usable() (secret.Value, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	cur := t.current
	return cur.value, !cur.obtained.IsZero() && (cur.life == 0 || time.Now().Before(cur.due()))
}

// obtain renews the token or logs in. The caller holds the turn.
func (t *tokens) obtain(ctx context.Context) (secret.Value, error) {
	t.mu.Lock()
	old, refused, until, rejected := t.current, t.refused, t.until, t.rejected
	t.mu.Unlock()
	now := time.Now()
	alive := !old.obtained.IsZero() && now.Before(old.end())

	if alive && old.renewable(now) {
		if renewed, err := t.renew(ctx, old); err == nil {
			return t.accept(renewed), nil
		} else if !errors.Is(err, secret.ErrUnauthenticated) {
			return old.value, nil // still good; a later request tries again
		}
	}
	if now.Before(until) {
		return secret.Value{}, refused
	}
	if t.auth == nil {
		return secret.Value{}, fmt.Errorf("log in: no credentials: %w", secret.ErrUnauthenticated)
	}
	fresh, err := t.auth.login(ctx, t.client)
	switch {
	case err == nil && !fresh.own && fresh.value.Equal(rejected):
		return secret.Value{}, fmt.Errorf("log in: the server refused this token and there is no newer one: %w", secret.ErrUnauthenticated)
	case err == nil:
		return t.accept(fresh), nil
	case errors.Is(err, secret.ErrUnauthenticated):
		t.refuse(err)
	case alive:
		return old.value, nil
	}
	return secret.Value{}, err
}

func (t *tokens) renew(ctx context.Context, old token) (token, error) {
	now := time.Now()
	g, err := t.client.exchange(ctx, request{
		op: "renew token", method: http.MethodPost, path: "/v1/auth/token/renew",
		body: map[string]string{"accessToken": old.value.Reveal()},
	})
	if err != nil {
		t.client.log.Warn("the token was not renewed", "error", err)
		return token{}, err
	}
	return g.token(old.obtained, now), nil
}

func (t *tokens) accept(fresh token) secret.Value {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current, t.refused, t.until, t.pause = fresh, nil, time.Time{}, 0
	return fresh.value
}

func (t *tokens) refuse(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pause = min(max(2*t.pause, minLoginPause), maxLoginPause)
	t.current, t.refused, t.until = token{}, err, time.Now().Add(t.pause)
}

// reject is called when the server refused a request's token. The token is
// forgotten unless it was replaced in the meantime.
func (t *tokens) reject(value secret.Value) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rejected = value
	if t.current.value.Equal(value) {
		t.current = token{}
	}
}

// revoke gives a token of our own back to the server, with two seconds' patience.
func (t *tokens) revoke() {
	t.mu.Lock()
	cur := t.current
	t.current = token{}
	t.mu.Unlock()
	if !cur.own || cur.life != 0 && !time.Now().Before(cur.end()) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	answer, err := t.client.send(ctx, request{
		op: "revoke token", method: http.MethodPost, path: "/v1/auth/token/revoke", anonymous: true,
		body: map[string]string{"accessToken": cur.value.Reveal()},
	}, secret.Value{})
	t.client.counts.add("revoke token", answer)
	if err != nil {
		t.client.log.Debug("the token was not revoked", "error", err)
	}
}

func (t *tokens) describe() (method string, ends time.Time) {
	if t.auth == nil {
		return "none", time.Time{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.auth.Method(), t.current.end()
}

// do sends r with a token. If the server refuses the token, it is replaced and
// r is sent once more, and never again: a refusal of a fresh token is final.
func (c *Client) do(ctx context.Context, r request) (*response, error) {
	for replay := false; ; replay = true {
		value, err := c.tokens.get(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.op, err)
		}
		answer, err := c.try(ctx, r, value)
		if err != nil {
			return nil, err
		}
		if answer.status != http.StatusUnauthorized && answer.status != http.StatusForbidden {
			return answer, nil
		}
		if replay || !errors.Is(newAPIError(answer), secret.ErrUnauthenticated) {
			return answer, nil
		}
		c.tokens.reject(value)
	}
}
