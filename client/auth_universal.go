package client

import (
	"context"
	"fmt"

	"infisicalfs/client/internal/transport"
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

func (a *universalAuth) login(ctx context.Context, t *transport.Transport) (transport.Token, error) {
	clientSecret, err := a.read()
	if err != nil {
		return transport.Token{}, fmt.Errorf("log in: cannot read the client secret: %w: %w", err, secret.ErrUnauthenticated)
	}
	a.last = clientSecret
	return t.Exchange(ctx, transport.Request{
		Op: "log in", Path: "/v1/auth/universal-auth/login",
		Body:   map[string]string{"clientId": a.clientID, "clientSecret": clientSecret.Reveal()},
		Secret: clientSecret.Reveal(),
	})
}

func (a *universalAuth) replaced() bool {
	clientSecret, err := a.read()
	return err == nil && !clientSecret.Equal(a.last)
}
