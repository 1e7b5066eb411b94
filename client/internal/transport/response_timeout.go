package transport

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"infisicalfs/secret"
)

// timeoutTripper ends a request whose answer does not begin in time: the connection may
// be dead. How long that is, each request's context says; the rest of an answer may
// take as long as the context lives.
type timeoutTripper struct{ next http.RoundTripper }

type responseTimeoutKey struct{}

// withResponseTimeout is for requests whose answer has to begin within d.
func withResponseTimeout(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, responseTimeoutKey{}, d)
}

// RoundTrip implements [http.RoundTripper]. The error for a silent server wraps
// [secret.ErrTimeout].
func (t timeoutTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	limit, ok := r.Context().Value(responseTimeoutKey{}).(time.Duration)
	if !ok {
		return t.next.RoundTrip(r)
	}
	silent := func() error {
		return fmt.Errorf("no answer from %s within %s: %w", r.URL.Host, limit, secret.ErrTimeout)
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	timer := time.AfterFunc(limit, func() { cancel(silent()) })
	answer, err := t.next.RoundTrip(r.WithContext(ctx))
	inTime := timer.Stop()
	if err == nil && !inTime { // its body ends with the context
		answer.Body.Close()
		err = silent()
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		cancel(nil)
		return nil, err
	}
	answer.Body = cancellingBody{answer.Body, cancel}
	return answer, nil
}

// CloseIdleConnections passes on what [http.Client.CloseIdleConnections] asks for.
func (t timeoutTripper) CloseIdleConnections() {
	if next, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}

// cancellingBody gives the request's context free once the body has been read.
type cancellingBody struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

func (b cancellingBody) Close() error {
	defer b.cancel(nil)
	return b.ReadCloser.Close()
}
