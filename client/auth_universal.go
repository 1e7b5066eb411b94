package client

import (
	"context"
	"net/http"
	"time"

	"infisicalfs/secret"
)

// UniversalAuth logs a machine identity in with its client id and secret.
func UniversalAuth(clientID string, clientSecret secret.Value) Auth {
	return universalAuth{clientID, clientSecret}
}

type universalAuth struct {
	clientID     string
	clientSecret secret.Value
}

func (universalAuth) Method() string { return "universal-auth" }

func (a universalAuth) login(ctx context.Context, c *Client) (token, error) {
	now := time.Now()
	g, err := c.exchange(ctx, request{
		op: "log in", method: http.MethodPost, path: "/v1/auth/universal-auth/login",
		body: map[string]string{"clientId": a.clientID, "clientSecret": a.clientSecret.Reveal()},
	})
	if err != nil {
		return token{}, err
	}
	return g.token(now, now), nil
}
