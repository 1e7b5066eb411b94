package client

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"infisicalfs/secret"
)

// UniversalAuth logs a machine identity in with its client id and secret.
func UniversalAuth(clientID string, clientSecret secret.Value) Auth {
	return UniversalAuthFrom(clientID, func() (secret.Value, error) { return clientSecret, nil })
}

// UniversalAuthFrom is [UniversalAuth] with a secret that is read for each
// login, so that a file in which it was replaced is followed. read may be
// called from any goroutine, one at a time.
func UniversalAuthFrom(clientID string, read func() (secret.Value, error)) Auth {
	return &universalAuth{clientID: clientID, read: read}
}

type universalAuth struct {
	clientID string
	read     func() (secret.Value, error)
	last     secret.Value // what the last login was made with
}

func (*universalAuth) Method() string { return "universal-auth" }

func (a *universalAuth) login(ctx context.Context, c *Client) (token, error) {
	clientSecret, err := a.read()
	if err != nil {
		return token{}, fmt.Errorf("log in: cannot read the client secret: %w: %w", err, secret.ErrUnauthenticated)
	}
	a.last = clientSecret
	now := time.Now()
	g, err := c.exchange(ctx, request{
		op: "log in", method: http.MethodPost, path: "/v1/auth/universal-auth/login",
		body: map[string]string{"clientId": a.clientID, "clientSecret": clientSecret.Reveal()},
		sent: clientSecret.Reveal(),
	})
	if err != nil {
		return token{}, err
	}
	return g.token(now, now), nil
}

func (a *universalAuth) replaced() bool {
	clientSecret, err := a.read()
	return err == nil && !clientSecret.Equal(a.last)
}
