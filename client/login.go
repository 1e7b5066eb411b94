package client

import "context"

// IsUser reports whether the login is a person's, who can have overrides of
// shared values, and not a machine identity's.
func (c *Client) IsUser(ctx context.Context) (bool, error) {
	ctx, end := c.server.Begin(ctx)
	defer end()
	found, err := c.server.Claims(ctx)
	return found.IsUser(), err
}
