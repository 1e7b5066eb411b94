package client

import (
	"context"

	"infisicalfs/client/internal/transport"
)

// Become logs in with other credentials and goes on with what they give. What is
// being asked meanwhile is asked again with the new token if the old one no
// longer does. If it fails the client stays as it was. The errors are those of
// [Client.Login]; a person cannot become a machine identity, nor the other way
// round ([secret.ErrInvalid]), since what is shown depends on it.
func (c *Client) Become(ctx context.Context, auth Auth) error {
	ctx, end := c.server.Begin(ctx)
	defer end()
	return transport.DeadlineError(ctx, "log in", c.server.Become(ctx, sourceOf(auth)))
}
