package client

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"infisicalfs/client/internal/transport"
	"infisicalfs/client/internal/wire"
	"infisicalfs/secret"
)

// maxSingles bounds the requests for single secrets that one folder may cost
// when its list is refused as a whole; the values beyond it stay hidden.
const maxSingles = 16

const (
	unresolvable = "a reference in this value cannot be resolved: the identity may not read what it refers to"
	unasked      = "the server refuses the folder's values in one answer, and there are too many to ask for one by one"
	unreached    = "the server refuses the folder's values in one answer, and no request can name this one"
)

// listPartly is called when the server refused a folder's list. Servers do so
// for the sake of a single secret: one whose value may not be read, or one that
// refers to such a value. The rest of the folder must not suffer, so it is asked
// for again, first without expansion and then without values; if both are
// refused as well, the first refusal stands.
func (c *Client) listPartly(ctx context.Context, at location, refusal error) ([]secret.Secret, error) {
	if !errors.Is(refusal, secret.ErrDenied) {
		return nil, refusal
	}
	if !c.cfg.RawReferences {
		sent, _, err := c.querySecrets(ctx, at, listing{values: true, imports: true})
		if err == nil {
			return c.expandSingly(ctx, at, c.merge(at.dir, sent))
		}
		if !errors.Is(err, secret.ErrDenied) {
			return nil, err
		}
	}
	names, _, err := c.querySecrets(ctx, at, listing{imports: true})
	switch {
	case errors.Is(err, secret.ErrDenied):
		return nil, refusal
	case err != nil:
		return nil, err
	}
	return c.revealSingly(ctx, at, c.merge(at.dir, names))
}

// expandSingly replaces the values that contain a reference, one request each.
func (c *Client) expandSingly(ctx context.Context, at location, list []secret.Secret) ([]secret.Secret, error) {
	return c.askSingly(ctx, at, list, unresolvable, func(s secret.Secret) bool {
		return !s.Hidden && s.Value.HasReference()
	})
}

// revealSingly fills in values for a list of names, of which at least one may not be read.
// Those that imports bring are asked for one by one, and own ones too, unless there are too
// many for that and one request gives all that may be read.
func (c *Client) revealSingly(ctx context.Context, at location, names []secret.Secret) ([]secret.Secret, error) {
	readable, err := c.readable(ctx, at, names)
	if err != nil {
		return nil, err
	}
	for i, s := range names {
		if r, ok := readable.Secret(s.Name); ok && s.Import == nil {
			names[i] = r
		} else {
			wire.Hide(&names[i], wire.Unreadable)
		}
	}
	return c.askSingly(ctx, at, names, wire.Unreadable, func(s secret.Secret) bool {
		return s.Denied() && (s.Import != nil || len(readable.Secrets) == 0)
	})
}

// readable is what may be read of a folder that has too many secrets to ask for each. A
// recursive list leaves out what may not be read, but in the folder that it begins with:
// there it is refused too. So the list begins with the folder above. It is empty if there
// is none, and if that list is refused as well or too large.
func (c *Client) readable(ctx context.Context, at location, names []secret.Secret) (*secret.Folder, error) {
	f := new(secret.Folder)
	if len(names) <= maxSingles || at.dir.Path == "/" {
		return f, nil
	}
	above := location{dir: at.dir.Parent(), projectID: at.projectID}
	sent, _, err := c.querySecrets(ctx, above, listing{recursive: true, values: true, expand: !c.cfg.RawReferences})
	switch {
	case errors.Is(err, secret.ErrDenied), errors.Is(err, secret.ErrTooLarge), errors.Is(err, secret.ErrInexact):
		return f, nil
	case err != nil:
		return nil, err
	}
	f.Secrets = c.pick(at.dir, sent.Own[at.dir.Path])
	return f, nil
}

// askSingly asks for each secret that wants says, up to maxSingles; those that
// are denied, or too many, are hidden with a reason.
func (c *Client) askSingly(ctx context.Context, at location, list []secret.Secret, reason string, wants func(secret.Secret) bool) ([]secret.Secret, error) {
	group, sub := errgroup.WithContext(ctx)
	group.SetLimit(4)
	asked := 0
	for i, s := range list {
		if !wants(s) {
			continue
		}
		here := &list[i]
		switch {
		case !addressable(s.Name):
			wire.Hide(here, unreached)
		case asked == maxSingles:
			wire.Hide(here, unasked)
		default:
			asked++
			group.Go(func() error { return c.askOne(sub, at, here, reason) })
		}
	}
	return list, group.Wait()
}

// askOne fills in the value of s, or hides it, for the reason given, if it is denied.
func (c *Client) askOne(ctx context.Context, at location, s *secret.Secret, reason string) error {
	sent, err := c.querySecret(ctx, at, *s)
	switch whole := sent.Secret(); {
	case errors.Is(err, secret.ErrDenied):
		wire.Hide(s, reason)
	case errors.Is(err, transport.ErrNoRoute), errors.Is(err, secret.ErrNotFound), err == nil && whole.Name != s.Name:
		wire.Hide(s, unreached) // or it is gone since the list
	case err != nil:
		return err
	default:
		whole.Import = s.Import
		*s = whole
	}
	return nil
}
