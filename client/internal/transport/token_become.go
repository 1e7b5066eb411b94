package transport

import (
	"context"
	"fmt"
	"time"

	"infisicalfs/secret"
)

// become is [Transport.Become]. A person cannot become a machine identity, nor the
// other way round ([secret.ErrInvalid]), since what is shown depends on it.
func (t *tokens) become(ctx context.Context, source TokenSource) error {
	select {
	case t.sem <- struct{}{}:
	case <-t.closed:
		return errClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-t.sem }()
	if isClosed(t.closed) {
		return errClosed
	}
	fresh, err := source.Login(ctx, t.transport)
	t.count(err)
	if err != nil {
		return err
	}
	t.mu.Lock()
	old := t.current
	t.mu.Unlock()
	if was := old.value; old.isSet() && ClaimsOf(was).IsUser() != ClaimsOf(fresh.value).IsUser() {
		t.dispose(ctx, fresh)
		return fmt.Errorf("log in: a person's login and a machine identity's cannot take each other's place: %w", secret.ErrInvalid)
	}
	t.mu.Lock()
	t.source = source
	t.mu.Unlock()
	t.accept(fresh)
	if !old.value.Equal(fresh.value) {
		t.dispose(ctx, old)
	}
	return nil
}

// dispose gives back a token that is not used, if it is our own.
func (t *tokens) dispose(ctx context.Context, unused Token) {
	if unused.own && unused.alive(time.Now()) {
		t.giveBack(ctx, unused)
	}
}
