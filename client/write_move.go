package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"infisicalfs/client/internal/transport"
	"infisicalfs/client/internal/wire"
	"infisicalfs/secret"
)

// Move implements [secret.Writer]. The secret has a new id and version 1 where
// it arrives.
func (c *Client) Move(ctx context.Context, dir secret.Dir, name string, to secret.Dir) error {
	if err := checkName(name); err != nil {
		return err
	}
	if dir.Project != to.Project || !to.IsFolder() {
		return fmt.Errorf("%s cannot take secrets of %s, only folders of one project can: %w", to, dir, secret.ErrInvalid)
	}
	return c.write(ctx, dir, func(ctx context.Context, at location) error {
		old, err := c.stored(ctx, at, name)
		if err != nil || dir == to {
			return err
		}
		return c.move(ctx, at, old, location{dir: to, projectID: at.projectID})
	})
}

func (c *Client) move(ctx context.Context, from location, old wire.Secret, to location) error {
	var moved struct {
		Source      *bool `json:"isSourceUpdated"`
		Destination *bool `json:"isDestinationUpdated"`
	}
	err := c.perform(ctx, change{
		request: func(routes transport.Routes) transport.Request { return moveRequest(routes, from, old.ID, to) },
		models:  []transport.Shape{transport.Whole(&moved)},
		accept: func() error {
			switch {
			case moved.Source == nil || moved.Destination == nil:
				return errOtherAnswer
			case !*moved.Source || !*moved.Destination:
				return &secret.ApprovalError{Op: "move secret"} // there can be two requests, and it names none
			}
			return nil
		},
		done: func(ctx context.Context) (bool, error) {
			return c.hasMoved(ctx, from, old, to)
		},
	})
	if isBadRequest(err) {
		if taken, _ := c.exists(ctx, to, old.Key); taken {
			return fmt.Errorf("move secret: %s has a secret %q: %w", to.dir, old.Key, secret.ErrExists)
		}
		return c.explain(ctx, from, old.Key, err)
	}
	return err
}

// hasMoved: what arrives has a new id, and not always the old text, because
// today's servers rewrite references that would lead elsewhere from there. So the
// secret has moved if it is gone by its id, and there is one of its name that is
// the same but for what stands in references. If it is gone and another one is
// there, somebody else had a hand in it, and nobody can tell.
func (c *Client) hasMoved(ctx context.Context, from location, old wire.Secret, to location) (bool, error) {
	left, err := c.stored(ctx, from, old.Key)
	switch {
	case err == nil && left.ID == old.ID:
		return false, nil
	case err != nil && !errors.Is(err, secret.ErrNotFound):
		return false, err
	}
	arrived, err := c.stored(ctx, to, old.Key)
	switch {
	case err != nil:
		return false, err
	case withoutReferences(arrived.Text()) != withoutReferences(old.Text()):
		return false, fmt.Errorf("%s has no such secret any more, and %s another one: %w", from.dir, to.dir, secret.ErrConflict)
	}
	return true, nil
}

var reference = regexp.MustCompile(`\$\{[^{}]*\}`)

// withoutReferences is a text without what stands in its references, nested ones included.
func withoutReferences(text string) string {
	for {
		shorter := reference.ReplaceAllLiteralString(text, "\x00")
		if shorter == text {
			return text
		}
		text = shorter
	}
}

func moveRequest(routes transport.Routes, from location, id string, to location) transport.Request {
	r := transport.Request{Op: "move secret", Method: http.MethodPost, Path: "/v4/secrets/move", Class: "secret", Body: map[string]any{
		"projectId": from.projectID, "projectSlug": from.dir.Project,
		"sourceEnvironment": from.dir.Env, "sourceSecretPath": from.dir.Path,
		"destinationEnvironment": to.dir.Env, "destinationSecretPath": to.dir.Path,
		"secretIds": []string{id}, "shouldOverwrite": false,
	}}
	if routes == transport.Legacy {
		r.Path, r.Class = "/v3/secrets/move", "POST v3/secrets/move"
	}
	return r
}
