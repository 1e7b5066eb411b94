package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"infisicalfs/secret"
)

// Do sends r with a token. If the server rejects the token, it is replaced and
// r is sent once more, and never again: the rejection of a fresh token is final.
func (t *Transport) Do(ctx context.Context, r Request) (*Response, error) {
	for replay := false; ; replay = true {
		value, err := t.tokens.get(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Op, err)
		}
		answer, err := t.try(ctx, r, value)
		if err != nil || !tokenRejected(answer) {
			return answer, err
		}
		if replay {
			t.tokens.rejectedAgain()
			return answer, nil
		}
		if !t.tokens.reject(value) {
			return answer, nil
		}
	}
}

// tokenRejected reports whether the answer is about the token rather than about
// what was asked; the status alone does not tell.
func tokenRejected(answer *Response) bool {
	return answer.status >= http.StatusBadRequest && errors.Is(newAPIError(answer), secret.ErrUnauthenticated)
}

// revoke ends the use of tokens and gives one of our own back to the server,
// within two seconds. A login under way is waited for, so that its
// token is given back too.
func (t *tokens) revoke() {
	t.close.Do(func() {
		close(t.closed)
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		select {
		case t.sem <- struct{}{}:
			defer func() { <-t.sem }()
		case <-ctx.Done():
		}
		t.mu.Lock()
		last := t.current
		t.current = Token{}
		t.mu.Unlock()
		if last.own && last.alive(time.Now()) {
			t.giveBack(ctx, last)
		}
	})
}

func (t *tokens) giveBack(ctx context.Context, last Token) {
	answer, err := t.transport.send(ctx, Request{
		Op: "revoke token", Method: http.MethodPost, Path: "/v1/auth/token/revoke", Anonymous: true,
		Body: map[string]string{"accessToken": last.value.Reveal()},
	}, secret.Value{}, t.transport.cfg.Timeout)
	t.transport.counts.add("revoke token", answer)
	if err != nil {
		t.transport.log.Debug("the token was not revoked", "error", err)
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
