package client

import (
	"context"
	"fmt"

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
	return IdentityAuth(Method{
		Name: "universal-auth", Path: everyServersPath,
		Proof: func(context.Context) (Proof, error) {
			clientSecret, err := read()
			if err != nil {
				return Proof{}, fmt.Errorf("cannot read the client secret: %w", err)
			}
			return Proof{Fields: map[string]any{"clientId": clientID, "clientSecret": clientSecret.Reveal()}, Secret: []string{"clientSecret"}}, nil
		},
		Inputs: func() ([]byte, error) {
			clientSecret, err := read()
			return []byte(clientSecret.Reveal()), err
		},
	})
}
