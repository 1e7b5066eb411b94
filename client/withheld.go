package client

import (
	"context"
	"errors"
	"slices"

	"infisicalfs/client/internal/transport"
	"infisicalfs/secret"
)

// Today's servers list a folder of which the identity may know nothing as an empty one, as
// long as it may know of something elsewhere in the project. Who asks for one secret by its
// name is refused: by the backend in Node whatever the name, by the one in Go only if there
// is such a secret.

// anyName is asked for where no name is known. That there is such a secret does not matter.
const anyName = "INFISICALFS"

// withheld is the refusal of a folder that looks empty. It remembers what was asked for, as
// that is to be asked for again, and no list tells it.
type withheld struct {
	error
	asked secret.Secret // without its value
}

func (w *withheld) Unwrap() error { return w.error }

// withhold sets f.Denied if f looks empty because it may not be seen. The error is why that
// could not be found out. known is what the folder was before, nil if that is not known.
func (c *Client) withhold(ctx context.Context, at location, f, known *secret.Folder) error {
	if len(f.Secrets) > 0 || c.server.Profile.Routes() == transport.Legacy {
		return nil
	}
	asked := toAskFor(known)
	_, err := c.querySecret(ctx, at, asked)
	switch {
	case errors.Is(err, secret.ErrDenied):
		f.Denied = &withheld{err, asked}
		return nil
	case errors.Is(err, secret.ErrNotFound):
		return nil
	}
	return err
}

// toAskFor is the secret that tells best whether a folder that looks empty is withheld: one
// that it had.
func toAskFor(known *secret.Folder) secret.Secret {
	var before *withheld
	if known == nil {
		return secret.Secret{Name: anyName}
	}
	if errors.As(known.Denied, &before) {
		return before.asked
	}
	i := slices.IndexFunc(known.Secrets, func(s secret.Secret) bool { return s.Import == nil && addressable(s.Name) })
	if i < 0 {
		return secret.Secret{Name: anyName}
	}
	return secret.Secret{Name: known.Secrets[i].Name, Personal: known.Secrets[i].Personal}
}
