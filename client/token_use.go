package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"infisicalfs/secret"
)

// do sends r with a token. If the server refuses the token, it is replaced and
// r is sent once more, and never again: a refusal of a fresh token is final.
func (c *Client) do(ctx context.Context, r request) (*response, error) {
	for replay := false; ; replay = true {
		value, err := c.tokens.get(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.op, err)
		}
		answer, err := c.try(ctx, r, value)
		if err != nil || !tokenRefused(answer) {
			return answer, err
		}
		if replay {
			c.tokens.inVain()
			return answer, nil
		}
		if !c.tokens.reject(value) {
			return answer, nil
		}
	}
}

// tokenRefused reports whether the answer is about the token rather than about
// what was asked; the status alone does not tell.
func tokenRefused(answer *response) bool {
	return answer.status >= http.StatusBadRequest && errors.Is(newAPIError(answer), secret.ErrUnauthenticated)
}

// revoke ends the use of tokens and gives one of our own back to the server,
// with two seconds' patience. A login under way is waited for, so that its
// token is given back too.
func (t *tokens) revoke() {
	t.close.Do(func() {
		close(t.closed)
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		select {
		case t.turn <- struct{}{}:
			defer func() { <-t.turn }()
		case <-ctx.Done():
		}
		t.mu.Lock()
		last := t.current
		t.current = token{}
		t.mu.Unlock()
		if last.own && last.alive(time.Now()) {
			t.giveBack(ctx, last)
		}
	})
}

func (t *tokens) giveBack(ctx context.Context, last token) {
	answer, err := t.client.send(ctx, request{
		op: "revoke token", method: http.MethodPost, path: "/v1/auth/token/revoke", anonymous: true,
		body: map[string]string{"accessToken": last.value.Reveal()},
	}, secret.Value{}, t.client.cfg.Timeout)
	t.client.counts.add("revoke token", answer)
	if err != nil {
		t.client.log.Debug("the token was not revoked", "error", err)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
