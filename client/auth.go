package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"infisicalfs/secret"
)

// Auth is a way to obtain an access token. There is one file per method.
type Auth interface {
	// Method names the method for status and messages.
	Method() string
	// login obtains a token. An error wrapping secret.ErrUnauthenticated means
	// that the credentials are not accepted, and repeating would not help.
	login(ctx context.Context, c *Client) (token, error)
	// replaced reports whether there are other credentials than at the last
	// login: then a pause after its refusal is over.
	replaced() bool
}

// token is an access token and what the server said about its life.
type token struct {
	value    secret.Value
	obtained time.Time     // when it was logged in for; a renewal keeps it
	since    time.Time     // when its current life began
	life     time.Duration // from since; zero: not known, used until it is refused
	most     time.Duration // from obtained; zero: renewable for ever
	own      bool          // made by a login of ours: may be renewed and revoked
}

// grant is the answer of every login and renewal.
type grant struct {
	AccessToken string  `json:"accessToken"`
	ExpiresIn   float64 `json:"expiresIn"`         // seconds
	MaxTTL      float64 `json:"accessTokenMaxTTL"` // seconds; 0: no maximum
}

func (g grant) token(obtained, now time.Time) token {
	return token{
		value:    secret.NewValue(g.AccessToken),
		obtained: obtained,
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

func (t token) isSet() bool { return !t.obtained.IsZero() }

// alive reports whether the token should still work.
func (t token) alive(now time.Time) bool {
	return t.isSet() && (t.life == 0 || now.Before(t.end()))
}

// end is when the token stops working, zero if not known. Only what the server
// said counts: the expiry inside a JWT is the maximum on some versions.
func (t token) end() time.Time {
	if t.life == 0 {
		return time.Time{}
	}
	return t.since.Add(t.life)
}

// due reports whether it is time to get another: with a quarter of its life
// left, at most five minutes early.
func (t token) due(now time.Time) bool {
	return t.life != 0 && !now.Before(t.end().Add(-min(t.life/4, 5*time.Minute)))
}

// renewable reports whether a renewal that the server makes at the given time
// would stay within the maximum. A refused renewal kills the token on some
// servers, so it must not be tried.
func (t token) renewable(at time.Time) bool {
	return t.own && (t.most == 0 || !at.Add(t.life).After(t.obtained.Add(t.most)))
}

// exchange sends a login or renewal and reads its grant. A verdict of a server
// that understood the request means bad credentials, whatever its status: an
// unknown client id is a 404. What a proxy says in its place is not a verdict.
func (c *Client) exchange(ctx context.Context, r request) (grant, error) {
	r.anonymous, r.class = true, "login"
	answer, err := c.try(ctx, r, secret.Value{})
	if err != nil {
		return grant{}, err
	}
	var g grant
	_, err = answer.handle(model{"", &g})
	var refusal *APIError
	if errors.As(err, &refusal) {
		switch refusal.kind {
		case secret.ErrNotFound, secret.ErrDenied, secret.ErrInvalid:
			refusal.kind = secret.ErrUnauthenticated
		}
	}
	if err == nil && g.AccessToken == "" {
		err = fmt.Errorf("%s: the server's answer has no access token: %w", r.op, secret.ErrUnavailable)
	}
	return g, err
}
