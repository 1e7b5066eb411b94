package client

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"infisicalfs/client/internal/transport"
	"infisicalfs/client/internal/wire"
	"infisicalfs/secret"
)

// Stored implements [secret.Writer]: the folder's own shared secret with its
// value unexpanded. A value that the identity may not read is [secret.ErrDenied], a
// name that no request can be about [secret.ErrInvalid].
func (c *Client) Stored(ctx context.Context, dir secret.Dir, name string) (secret.Secret, error) {
	if err := checkName(name); err != nil {
		return secret.Secret{}, err
	}
	ctx, end := c.server.Begin(ctx)
	defer end()
	p, err := c.project(ctx, dir.Project)
	if err != nil {
		return secret.Secret{}, transport.DeadlineError(ctx, "read "+dir.String(), err)
	}
	found, err := c.stored(ctx, location{dir: dir, projectID: p.ID}, name)
	if err != nil {
		return secret.Secret{}, transport.DeadlineError(ctx, "read a secret of "+dir.String(), err)
	}
	return found.Secret(), nil
}

// stored asks for a secret as it is stored.
func (c *Client) stored(ctx context.Context, at location, name string) (wire.Secret, error) {
	ask := c.storedByName
	if !fitsURL(name) {
		ask = c.storedInList
	}
	found, err := ask(ctx, at, name)
	switch {
	case err != nil:
		return wire.Secret{}, err
	case found.Key != name || found.ID == "" || found.Type == wire.Personal:
		return wire.Secret{}, fmt.Errorf("get secret: %w", errOtherAnswer)
	case found.Value == nil && (found.Hidden == nil || !*found.Hidden): // which is not the empty value
		return wire.Secret{}, fmt.Errorf("get secret: %s: %w", wire.Unsent, secret.ErrUnavailable)
	case found.Hidden != nil && *found.Hidden:
		return wire.Secret{}, fmt.Errorf("%s: the identity may not read the value of %q: %w", at.dir, name, secret.ErrDenied)
	}
	return found, nil
}

func (c *Client) storedByName(ctx context.Context, at location, name string) (found wire.Secret, err error) {
	err = c.server.WithRoutes(ctx, func(ctx context.Context, routes transport.Routes) error {
		found = wire.Secret{}
		r := transport.Request{Op: "get secret", Path: "/v4/secrets/" + url.PathEscape(name), Class: "secret", Query: secretQuery(at, routes)}
		if routes == transport.Legacy {
			r.Path, r.Class = "/v3/secrets/raw/"+url.PathEscape(name), "v3/secret"
		}
		c.setReading(r.Query, listing{values: true, shared: true})
		r.Query.Set("type", "shared")
		return c.server.Get(ctx, r, transport.Under("secret", &found))
	})
	return found, err
}

// storedInList serves the names that no URL can carry.
func (c *Client) storedInList(ctx context.Context, at location, name string) (wire.Secret, error) {
	list, _, err := c.querySecrets(ctx, at, listing{values: true, shared: true, only: name})
	if err != nil {
		return wire.Secret{}, err
	}
	var found *wire.Secret
	for i, w := range list.Matches {
		if w.Type != wire.Personal && (found == nil || preferred(w.Secret(), found.Secret())) {
			found = &list.Matches[i]
		}
	}
	if found == nil {
		return wire.Secret{}, fmt.Errorf("the list of %s has no secret %q: %w", at.dir, name, secret.ErrNotFound)
	}
	return *found, nil
}

// exists asks whether a name is taken, by a secret with a value that may not be
// read as well.
func (c *Client) exists(ctx context.Context, at location, name string) (bool, error) {
	_, err := c.stored(ctx, at, name)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, secret.ErrNotFound):
		return false, nil
	case !errors.Is(err, secret.ErrDenied):
		return false, err
	}
	names, _, err := c.querySecrets(ctx, at, listing{shared: true, only: name})
	if err != nil {
		return false, err
	}
	return len(names.Matches) > 0, nil
}

// StoredBelow implements [secret.Writer] with one request. What is more than one answer
// may hold is [secret.ErrInexact].
func (c *Client) StoredBelow(ctx context.Context, dir secret.Dir) ([]secret.Secret, error) {
	ctx, end := c.server.Begin(ctx)
	defer end()
	var list []secret.Secret
	err := c.inProject(ctx, dir.Project, func(id string) error {
		found, _, err := c.querySecrets(ctx, location{dir: dir, projectID: id}, listing{recursive: true, values: true})
		if err != nil {
			return err
		}
		list = make([]secret.Secret, 0, found.Count)
		for _, own := range found.Own {
			list = append(list, own...)
		}
		return nil
	})
	if errors.Is(err, secret.ErrTooLarge) {
		err = fmt.Errorf("%w (%v)", secret.ErrInexact, err)
	}
	return list, transport.DeadlineError(ctx, "read what is stored in "+dir.String(), err)
}
