package transport

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"infisicalfs/secret"
)

// watchdog ends a request whose answer does not begin in time: the connection may
// be dead. How long that is, each request's context says; the rest of an answer may
// take as long as the context lives.
type watchdog struct{ next http.RoundTripper }

type responseTimeoutKey struct{}

// withResponseTimeout is for requests whose answer has to begin within d.
func withResponseTimeout(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, responseTimeoutKey{}, d)
}

// RoundTrip implements [http.RoundTripper]. The error for a silent server wraps
// [secret.ErrTimeout].
func (w watchdog) RoundTrip(r *http.Request) (*http.Response, error) {
	limit, ok := r.Context().Value(responseTimeoutKey{}).(time.Duration)
	if !ok {
		return w.next.RoundTrip(r)
	}
	silent := func() error {
		return fmt.Errorf("no answer from %s within %s: %w", r.URL.Host, limit, secret.ErrTimeout)
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	timer := time.AfterFunc(limit, func() { cancel(silent()) })
	answer, err := w.next.RoundTrip(r.WithContext(ctx))
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
	answer.Body = watchedBody{answer.Body, cancel}
	return answer, nil
}

// CloseIdleConnections passes on what [http.Client.CloseIdleConnections] asks for.
func (w watchdog) CloseIdleConnections() {
	if next, ok := w.next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}

// watchedBody gives the request's context free once the body has been read.
type watchedBody struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

func (b watchedBody) Close() error {
	defer b.cancel(nil)
	return b.ReadCloser.Close()
}
