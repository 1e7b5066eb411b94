package client

import (
	"context"
	"fmt"
	"time"

	"infisicalfs/secret"
)

// Become logs in with other credentials and goes on with what they give. What is
// being asked meanwhile is asked again with the new token if the old one no
// longer does. If it fails the client stays as it was. The errors are those of
// [Client.Login]; a person cannot become a machine identity, nor the other way
// round ([secret.ErrInvalid]), since what is shown depends on it.
func (c *Client) Become(ctx context.Context, auth Auth) error {
	ctx, end := c.begin(ctx)
	defer end()
	return deadlineError(ctx, "log in", c.tokens.become(ctx, auth))
}

func (t *tokens) become(ctx context.Context, auth Auth) error {
	select {
	case t.turn <- struct{}{}:
	case <-t.closed:
		return errClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-t.turn }()
	if isClosed(t.closed) {
		return errClosed
	}
	fresh, err := auth.login(ctx, t.client)
	if err != nil {
		return err
	}
	t.mu.Lock()
	old := t.current
	t.mu.Unlock()
	if was := old.value; old.isSet() && claimsOf(was).isUser() != claimsOf(fresh.value).isUser() {
		t.dispose(ctx, fresh)
		return fmt.Errorf("log in: a person's login and a machine identity's cannot take each other's place: %w", secret.ErrInvalid)
	}
	t.mu.Lock()
	t.auth = auth
	t.mu.Unlock()
	t.accept(fresh)
	if !old.value.Equal(fresh.value) {
		t.dispose(ctx, old)
	}
	return nil
}

// dispose gives back a token that is not used, if it is our own.
func (t *tokens) dispose(ctx context.Context, unused token) {
	if unused.own && unused.alive(time.Now()) {
		t.giveBack(ctx, unused)
	}
}
