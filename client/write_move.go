package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"

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
	return c.write(ctx, dir, func(ctx context.Context, at place) error {
		old, err := c.stored(ctx, at, name)
		if err != nil || dir == to {
			return err
		}
		return c.move(ctx, at, old, place{dir: to, projectID: at.projectID})
	})
}

func (c *Client) move(ctx context.Context, from place, old wireSecret, to place) error {
	var moved struct {
		Source      *bool `json:"isSourceUpdated"`
		Destination *bool `json:"isDestinationUpdated"`
	}
	err := c.perform(ctx, change{
		request: func(routes api) request { return moveRequest(routes, from, old.ID, to) },
		models:  []model{{"", &moved}},
		accept: func() error {
			switch {
			case moved.Source == nil || moved.Destination == nil:
				return errOtherAnswer
			case !*moved.Source || !*moved.Destination:
				return fmt.Errorf("a change policy wants an approval, and one of the two folders is unchanged until then: %w", secret.ErrProtected)
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

// hasMoved: what arrives has a new id, so it is known by its value and by the
// old one's absence.
func (c *Client) hasMoved(ctx context.Context, from place, old wireSecret, to place) (bool, error) {
	there, err := c.exists(ctx, from, old.Key)
	if err != nil {
		return false, err
	}
	arrived, err := c.stored(ctx, to, old.Key)
	switch {
	case errors.Is(err, secret.ErrNotFound) && there:
		return false, nil
	case err != nil:
		return false, err
	case there:
		return false, nil
	}
	return arrived.text() == old.text(), nil
}

func moveRequest(routes api, from place, id string, to place) request {
	r := request{op: "move secret", method: http.MethodPost, path: "/v4/secrets/move", class: "secret", body: map[string]any{
		"projectId": from.projectID, "projectSlug": from.dir.Project,
		"sourceEnvironment": from.dir.Env, "sourceSecretPath": from.dir.Path,
		"destinationEnvironment": to.dir.Env, "destinationSecretPath": to.dir.Path,
		"secretIds": []string{id}, "shouldOverwrite": false,
	}}
	if routes == legacy {
		r.path, r.class = "/v3/secrets/move", "POST v3/secrets/move"
	}
	return r
}
