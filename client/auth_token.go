package client

import (
	"context"
	"fmt"

	"infisicalfs/client/internal/transport"
	"infisicalfs/secret"
)

// TokenAuth uses an access token that somebody else obtained. read is called
// again when the server rejects the token, so that a file which another program
// keeps fresh (an agent's sink) is followed; the same token is not tried again
// for half a minute. The token is used until it is rejected and never renewed or
// revoked: it is not ours. read may be called from any goroutine, one at a time.
func TokenAuth(read func() (secret.Value, error)) Auth { return &tokenAuth{read: read} }

type tokenAuth struct {
	read func() (secret.Value, error)
}

func (*tokenAuth) Method() string { return "token" }

func (*tokenAuth) replaced() bool { return false } // reading a token is not paused for

func (a *tokenAuth) login(_ context.Context, _ *transport.Transport) (transport.Token, error) {
	value, err := a.read()
	if err != nil {
		return transport.Token{}, fmt.Errorf("log in: cannot read the token: %w: %w", err, secret.ErrUnauthenticated)
	}
	if value.Len() == 0 {
		return transport.Token{}, fmt.Errorf("log in: the token is empty: %w", secret.ErrUnauthenticated)
	}
	return transport.GivenToken(value), nil
}
