package client

import (
	"context"

	"infisicalfs/client/internal/transport"
)

// Login obtains a token now instead of at the first request, so that a caller
// can tell bad credentials before it goes on. Errors wrap
// [secret.ErrUnauthenticated], [secret.ErrUnavailable], [secret.ErrTimeout] or
// [secret.ErrRateLimited].
func (c *Client) Login(ctx context.Context) error {
	ctx, end := c.server.Begin(ctx)
	defer end()
	return transport.DeadlineError(ctx, "log in", c.server.LogIn(ctx))
}

// Close gives back a token that this client obtained by logging in, waiting two
// seconds at most, and closes the connections. What is asked for afterwards
// fails with [secret.ErrUnavailable].
func (c *Client) Close() error {
	c.server.Close()
	return nil
}

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

// IsUser reports whether the login is a person's, who can have overrides of
// shared values, and not a machine identity's. It logs in if need be, and fails as
// [Client.Login] does.
func (c *Client) IsUser(ctx context.Context) (bool, error) {
	ctx, end := c.server.Begin(ctx)
	defer end()
	found, err := c.server.Claims(ctx)
	return found.IsUser(), err
}
