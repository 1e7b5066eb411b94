package transport

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"infisicalfs/secret"
)

// tokens keeps the one token that all requests share.
type tokens struct {
	transport *Transport

	sem    chan struct{} // semaphore of whoever talks to the server about the token; a channel, so that waiting for it can be given up
	closed chan struct{}
	close  sync.Once

	mu         sync.Mutex  // guards all below; never held while talking to the server
	source     TokenSource // who logs in; written by who holds the semaphore, who may read it without the lock
	current    Token       // zero value: none
	renewAfter time.Time   // current is due, but replacing it failed: not again before then

	loginError error     // why the last login was denied
	loginAfter time.Time // no login before then: servers lock out who keeps trying
	loginPause time.Duration

	logins Logins // what became of them

	rejected   secret.Value // the token that the server rejected last
	rejectedAt time.Time
	keepUntil  time.Time // a new token was rejected like the old one: it is not replaced before then
}

// Bounds of the pause after a denied login. Servers count failures for 30 s and
// lock out for five minutes.
const minLoginPause, maxLoginPause = 30 * time.Second, 5 * time.Minute

var errClosed = fmt.Errorf("the client is closed: %w", secret.ErrUnavailable)

func newTokens(t *Transport, source TokenSource) *tokens {
	return &tokens{transport: t, source: source, sem: make(chan struct{}, 1), closed: make(chan struct{})}
}

// get returns a token that should work. While there is none, all wait for the
// one caller who logs in. One that is due but still works is replaced by
// whoever finds it so, and the others go on with it.
func (t *tokens) get(ctx context.Context) (secret.Value, error) {
	value, alive, due := t.look()
	if alive && !due {
		return value, nil
	}
	select {
	case t.sem <- struct{}{}:
	default:
		if alive {
			return value, nil
		}
		select {
		case t.sem <- struct{}{}:
		case <-t.closed:
			return secret.Value{}, errClosed
		case <-ctx.Done():
			return secret.Value{}, context.Cause(ctx)
		}
	}
	defer func() { <-t.sem }()
	if value, alive, due := t.look(); alive && !due { // somebody else was faster
		return value, nil
	}
	return t.obtain(ctx)
}

// look returns the token, whether it still works, and whether it is time to
// replace it.
func (t *tokens) look() (value secret.Value, alive, due bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	return t.current.value, t.current.alive(now), t.current.due(now) && !now.Before(t.renewAfter)
}

// obtain renews the token or logs in. The caller holds
// the semaphore.
func (t *tokens) obtain(ctx context.Context) (secret.Value, error) {
	t.mu.Lock()
	old, denied, loginAfter := t.current, t.loginError, t.loginAfter
	t.mu.Unlock()
	now := time.Now()
	alive := old.alive(now)
	switch {
	case isClosed(t.closed):
		return secret.Value{}, errClosed
	case t.source == nil:
		return secret.Value{}, fmt.Errorf("log in: no credentials: %w", secret.ErrUnauthenticated)
	case now.Before(loginAfter) && !t.source.Replaced():
		return secret.Value{}, denied
	}

	if alive { // the request behind this must not suffer from a login that hangs
		limit := t.transport.cfg.Timeout / 3
		var cancel func()
		ctx, cancel = context.WithTimeoutCause(ctx, limit, fmt.Errorf("no new token within %s: %w", limit, secret.ErrTimeout))
		defer cancel()
	}
	fresh, err := t.replace(ctx, old, alive)
	switch {
	case err == nil:
		return t.accept(fresh), nil
	case errors.Is(err, secret.ErrUnauthenticated) && !(alive && errors.Is(err, ErrUnproven)):
		t.loginDenied(err)
	case alive:
		t.transport.log.Warn("the token was not replaced; the old one still works", "until", old.end(), "error", err)
		t.renewLater()
		return old.value, nil
	case pauses(err):
		t.pauseLogins(err)
	}
	return secret.Value{}, err
}

// replace renews old where that is safe, and else logs in.
func (t *tokens) replace(ctx context.Context, old Token, alive bool) (Token, error) {
	latest := time.Now().Add(t.transport.cfg.Timeout / 3)
	if alive && old.renewable(latest) {
		renewed, err := t.renew(ctx, old)
		if err == nil || !errors.Is(err, secret.ErrUnauthenticated) {
			return renewed, err
		}
		t.transport.log.Warn("the server does not renew the token, logging in anew", "error", err)
	}
	fresh, err := t.source.Login(ctx, t.transport)
	if err == nil && !fresh.own && t.isRejected(fresh.value) {
		err = fmt.Errorf("log in: the server refused this token and there is no newer one: %w", secret.ErrUnauthenticated)
	}
	t.count(err)
	return fresh, err
}

// count notes what a login came to.
func (t *tokens) count(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		t.logins.Succeeded++
	case errors.Is(err, secret.ErrUnauthenticated) && !errors.Is(err, ErrUnproven):
		t.logins.Refused++
	default:
		t.logins.Failed++
	}
}

func (t *tokens) renew(ctx context.Context, old Token) (Token, error) {
	renewed, err := t.transport.Exchange(ctx, Request{
		Op: "renew token", Path: "/v1/auth/token/renew",
		Body: map[string]string{"accessToken": old.value.Reveal()},
	})
	renewed.obtained = old.obtained
	if err != nil {
		return Token{}, err
	}
	return renewed, nil
}

func (t *tokens) accept(fresh Token) secret.Value {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current, t.renewAfter = fresh, time.Time{}
	t.loginError, t.loginAfter, t.loginPause = nil, time.Time{}, 0
	return fresh.value
}

// renewLater notes that current could not be replaced.
func (t *tokens) renewLater() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.renewAfter = time.Now().Add(minLoginPause)
}

// loginDenied notes that the credentials are not accepted.
func (t *tokens) loginDenied(err error) {
	t.mu.Lock()
	t.current = Token{}
	t.mu.Unlock()
	if pauses(err) {
		t.pauseLogins(err)
	}
}

// pauseLogins makes err the answer to all who want a token, for a while.
func (t *tokens) pauseLogins(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.loginPause = min(max(2*t.loginPause, minLoginPause), maxLoginPause)
	if isLockedOut(err) {
		t.loginPause = maxLoginPause
	}
	t.loginError, t.loginAfter = err, time.Now().Add(t.loginPause)
}

// isRejected reports whether the server rejected this token a moment ago.
func (t *tokens) isRejected(value secret.Value) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return value.Equal(t.rejected) && time.Now().Before(t.rejectedAt.Add(minLoginPause))
}

// reject is called when the server rejected a request's token. It is forgotten
// unless it was replaced in the meantime. It reports false if another token
// would not help, as was found out a moment ago.
func (t *tokens) reject(value secret.Value) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.current.isSet() && t.current.value.Equal(value) {
		if now.Before(t.keepUntil) {
			return false
		}
		t.current = Token{}
	}
	t.rejected, t.rejectedAt = value, now
	return true
}

// rejectedAgain is called when the server rejected the new token as well.
func (t *tokens) rejectedAgain() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keepUntil = time.Now().Add(minLoginPause)
}

func (t *tokens) describe() (method string, ends time.Time, logins Logins) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.source == nil {
		return "none", time.Time{}, t.logins
	}
	return t.source.Method(), t.current.end(), t.logins
}
