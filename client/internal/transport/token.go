package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"infisicalfs/secret"
)

// TokenSource is a way to log in. Login and Replaced are called one at a time.
type TokenSource interface {
	// Method names the way for status and messages.
	Method() string
	// Login obtains a token, of which the requests go through t by
	// [Transport.Exchange]. An error wrapping [secret.ErrUnauthenticated] means that
	// the credentials are not accepted, and repeating would not help.
	Login(ctx context.Context, t *Transport) (Token, error)
	// Replaced reports whether there are other credentials than at the last
	// login: then a pause after its denial is over.
	Replaced() bool
}

// Token is an access token and what the server said about its life.
type Token struct {
	value    secret.Value
	obtained time.Time     // when it was logged in for; a renewal keeps it
	since    time.Time     // when its current life began
	life     time.Duration // from since; zero: not known, used until it is rejected
	most     time.Duration // from obtained; zero: renewable for ever
	own      bool          // made by a login of ours: may be renewed and revoked
}

// GivenToken is a token that somebody else obtained: it is used until the server
// rejects it, and neither renewed nor revoked.
func GivenToken(value secret.Value) Token {
	now := time.Now()
	return Token{value: value, obtained: now, since: now}
}

// grant is the answer of every login and renewal.
type grant struct {
	AccessToken string  `json:"accessToken"`
	ExpiresIn   float64 `json:"expiresIn"`         // seconds
	MaxTTL      float64 `json:"accessTokenMaxTTL"` // seconds; 0: no maximum
}

func (g grant) token(now time.Time) Token {
	return Token{
		value:    secret.NewValue(g.AccessToken),
		obtained: now,
		since:    now,
		life:     lifetime(g.ExpiresIn),
		most:     lifetime(g.MaxTTL),
		own:      true,
	}
}

// lifetime keeps what no token can have from overflowing: servers allow ten years.
func lifetime(seconds float64) time.Duration {
	const most = 100 * 365 * 24 * time.Hour
	return time.Duration(min(max(seconds, 0), most.Seconds()) * float64(time.Second))
}

func (t Token) isSet() bool { return !t.obtained.IsZero() }

// alive reports whether the token should still work.
func (t Token) alive(now time.Time) bool {
	return t.isSet() && (t.life == 0 || now.Before(t.end()))
}

// end is when the token stops working, zero if not known. Only what the server
// said counts: the expiry inside a JWT is the maximum on some versions. Servers count in
// whole seconds, so that a token can end up to one earlier than they say.
func (t Token) end() time.Time {
	if t.life == 0 {
		return time.Time{}
	}
	return t.since.Add(t.life - min(t.life/4, time.Second))
}

// due reports whether it is time to get another: with a quarter of its life
// left, at most five minutes early.
func (t Token) due(now time.Time) bool {
	return t.life != 0 && !now.Before(t.end().Add(-min(t.life/4, 5*time.Minute)))
}

// renewable reports whether a renewal that the server makes at the given time
// would stay within the maximum. A refused renewal kills the token on some
// servers, so it must not be tried.
func (t Token) renewable(at time.Time) bool {
	return t.own && (t.most == 0 || !at.Add(t.life).After(t.obtained.Add(t.most)))
}

// Exchange sends a login or renewal, whose op, path and body r has, and reads the
// token in its answer. A refusal by a server that understood the request means bad
// credentials ([secret.ErrUnauthenticated]), whatever its status: an unknown client
// id is a 404. What a proxy says in its place is no such refusal.
func (t *Transport) Exchange(ctx context.Context, r Request) (Token, error) {
	now := time.Now()
	r.Method, r.Anonymous, r.Class = http.MethodPost, true, "login"
	answer, err := t.try(ctx, r, secret.Value{})
	if err != nil {
		return Token{}, err
	}
	var g grant
	_, err = answer.Handle(Whole(&g))
	var refusal *APIError
	if errors.As(err, &refusal) {
		switch refusal.kind {
		case secret.ErrNotFound, secret.ErrDenied, secret.ErrInvalid:
			refusal.kind = secret.ErrUnauthenticated
		}
		if kind := loginKind(refusal); kind != nil {
			refusal.kind = kind
		}
	}
	if err == nil && g.AccessToken == "" {
		err = fmt.Errorf("%s: the server's answer has no access token: %w", r.Op, secret.ErrUnavailable)
	}
	if err != nil {
		return Token{}, err
	}
	return g.token(now), nil
}
