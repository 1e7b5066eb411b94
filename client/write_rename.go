package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"infisicalfs/client/internal/transport"
	"infisicalfs/client/internal/wire"
	"infisicalfs/secret"
)

// Rename implements [secret.Writer]. Servers before August 2024 have no rename:
// they take the request for a change of the value and ignore the new name. The
// answer shows it, and the secret is created anew and deleted instead.
func (c *Client) Rename(ctx context.Context, dir secret.Dir, from, to string) (s secret.Secret, err error) {
	if err := errors.Join(checkName(from), checkNewName(to)); err != nil {
		return secret.Secret{}, err
	}
	err = c.write(ctx, dir, func(ctx context.Context, at location) error {
		s, err = c.rename(ctx, at, from, to)
		return err
	})
	return s, err
}

func (c *Client) rename(ctx context.Context, at location, from, to string) (secret.Secret, error) {
	old, err := c.stored(ctx, at, from)
	if err != nil || from == to {
		return old.Secret(), err
	}
	if c.server.Profile.Routes() == transport.Legacy {
		switch able, known := c.server.Profile.Renames(); {
		case known && !able:
			return c.copyAndDelete(ctx, at, old, to)
		case !known: // trying makes a new version, even where it is no rename
			taken, err := c.exists(ctx, at, to)
			if err != nil && !errors.Is(err, secret.ErrDenied) {
				return secret.Secret{}, err
			}
			if taken {
				return secret.Secret{}, fmt.Errorf("rename secret: %s has a secret %q: %w", at.dir, to, secret.ErrExists)
			}
		}
	}
	renamed, err := c.renameInPlace(ctx, at, old, to)
	if err == nil || errors.Is(err, errNotRenamed) {
		c.server.Profile.LearnRenames(err == nil)
	}
	switch {
	case errors.Is(err, errNotRenamed):
		return c.copyAndDelete(ctx, at, old, to)
	case isBadRequest(err):
		if taken, _ := c.exists(ctx, at, to); taken {
			return secret.Secret{}, fmt.Errorf("rename secret: %s has a secret %q: %w", at.dir, to, secret.ErrExists)
		}
		return secret.Secret{}, c.explain(ctx, at, from, err)
	case err != nil:
		return secret.Secret{}, err
	}
	if renamed.Version != old.Version+1 { // somebody changed it in the meantime
		if now, err := c.stored(ctx, at, to); err == nil {
			return now.Secret(), nil
		}
	}
	s := old.Secret()
	s.Name, s.Version, s.Updated = to, renamed.Version, renamed.UpdatedAt
	return s, nil
}

var errNotRenamed = errors.New("the server ignores new names")

// renameInPlace is one request, after which the secret has its id and history.
func (c *Client) renameInPlace(ctx context.Context, at location, old wire.Secret, to string) (renamed wire.Secret, err error) {
	var answer secretAnswer
	ignored := false
	err = c.perform(ctx, change{
		request: func(routes transport.Routes) transport.Request {
			fields := map[string]any{"newSecretName": to}
			if routes == transport.Legacy || !fitsURL(old.Key) { // these want the value in every change
				fields["secretValue"] = old.Text()
			}
			return secretRequest{at, http.MethodPatch, old.Key, fields}.build(routes)
		},
		models: answer.models(),
		accept: func() error {
			renamed = answer.secret()
			if renamed.ID == old.ID && renamed.Key == old.Key {
				ignored = true
				return nil
			}
			return isAbout(renamed, to)
		},
		done: func(ctx context.Context) (_ bool, err error) {
			renamed, err = c.stored(ctx, at, to)
			if errors.Is(err, secret.ErrNotFound) {
				ignored, err = c.wasUpdateOnly(ctx, at, old)
				return ignored, err
			}
			return renamed.ID == old.ID, err
		},
	})
	if err == nil && ignored {
		err = errNotRenamed
	}
	return renamed, err
}

// wasUpdateOnly reports whether the server executed a rename as a change to the
// value that the secret had already: it has the old name, the same text, and one
// version more.
func (c *Client) wasUpdateOnly(ctx context.Context, at location, old wire.Secret) (bool, error) {
	if c.server.Profile.Routes() != transport.Legacy {
		return false, nil
	}
	now, err := c.stored(ctx, at, old.Key)
	if errors.Is(err, secret.ErrNotFound) {
		return false, nil
	}
	return now.ID == old.ID && now.Version == old.Version+1 && now.Text() == old.Text(), err
}

// copyAndDelete renames by other means; the secret gets a new id. Values are
// the stored ones, so that no reference is flattened.
func (c *Client) copyAndDelete(ctx context.Context, at location, old wire.Secret, to string) (secret.Secret, error) {
	tags := make([]string, 0, len(old.Tags))
	for _, t := range old.Tags {
		tags = append(tags, t.ID)
	}
	made, err := c.create(ctx, at, to, old.Text(), map[string]any{"secretComment": old.Comment, "tagIds": tags})
	if err != nil {
		return secret.Secret{}, err
	}
	if err := c.delete(ctx, at, old.Key); err != nil && !errors.Is(err, secret.ErrNotFound) {
		return secret.Secret{}, fmt.Errorf("rename secret: %s has both %q and %q now, remove one (%v): %w", at.dir, old.Key, to, err, secret.ErrUnavailable)
	}
	whole := old.Secret()
	made.Comment, made.Tags = whole.Comment, whole.Tags
	return made, nil
}
