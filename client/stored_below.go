package client

import (
	"context"
	"errors"
	"fmt"

	"infisicalfs/client/internal/transport"
	"infisicalfs/secret"
)

// StoredBelow implements [secret.Writer] with one request.
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
