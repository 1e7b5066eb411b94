package client

import (
	"context"

	"infisicalfs/client/internal/transport"
)

// Auth is a way to obtain an access token. There is one file per method.
type Auth interface {
	// Method names the method for status and messages.
	Method() string
	// login obtains a token. An error wrapping secret.ErrUnauthenticated means
	// that the credentials are not accepted, and repeating would not help.
	login(ctx context.Context, t *transport.Transport) (transport.Token, error)
	// replaced reports whether there are other credentials than at the last
	// login: then a pause after its denial is over.
	replaced() bool
}

// tokenSource shows the transport an Auth, whose own methods stay unexported so
// that all of them are here.
type tokenSource struct{ Auth }

func (s tokenSource) Login(ctx context.Context, t *transport.Transport) (transport.Token, error) {
	return s.login(ctx, t)
}

func (s tokenSource) Replaced() bool { return s.replaced() }

// sourceOf keeps "none" what it is.
func sourceOf(auth Auth) transport.TokenSource {
	if auth == nil {
		return nil
	}
	return tokenSource{auth}
}
