package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// answering is a server that begins its answer after a while, unless the request
// ends before.
type answering struct {
	after  time.Duration
	closed *bool
}

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(a.after):
		return &http.Response{Body: closing{strings.NewReader("body"), a.closed}}, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

type closing struct {
	io.Reader
	closed *bool
}

func (c closing) Close() error { *c.closed = true; return nil }

func TestTheWatchdogEndsASilentRequest(t *testing.T) {
	leaves := errors.New("the caller leaves")
	for name, row := range map[string]struct {
		answers, limit, caller time.Duration
		want                   error
		ends                   time.Duration
	}{
		"in time":           {answers: time.Second, limit: 3 * time.Second, caller: time.Hour, ends: time.Second},
		"silent":            {answers: time.Hour, limit: 3 * time.Second, caller: time.Hour, want: secret.ErrTimeout, ends: 3 * time.Second},
		"no limit":          {answers: time.Minute, caller: time.Hour, ends: time.Minute},
		"the caller leaves": {answers: time.Hour, limit: 3 * time.Second, caller: time.Second, want: leaves, ends: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeoutCause(t.Context(), row.caller, leaves)
				defer cancel()
				if row.limit > 0 {
					ctx = withResponseTimeout(ctx, row.limit)
				}
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://server.example.com/api", nil)
				require.NoError(t, err)
				began, closed := time.Now(), false
				answer, err := timeoutTripper{answering{row.answers, &closed}}.RoundTrip(r)
				require.Equal(t, row.ends, time.Since(began))
				if row.want != nil {
					require.ErrorIs(t, err, row.want)
					return
				}
				require.NoError(t, err)
				time.Sleep(2 * row.limit) // the rest of an answer may take its time
				require.NoError(t, ctx.Err())
				text, err := io.ReadAll(answer.Body)
				require.NoError(t, err)
				require.Equal(t, "body", string(text))
				require.NoError(t, answer.Body.Close())
				require.True(t, closed)
			})
		})
	}
}

// Whoever is told to give back idle connections is behind timeoutTripper.
func TestTheWatchdogPassesOnIdleConnections(t *testing.T) {
	next := &idling{}
	(&http.Client{Transport: timeoutTripper{next}}).CloseIdleConnections()
	require.Equal(t, 1, next.closed)
	(&http.Client{Transport: timeoutTripper{answering{}}}).CloseIdleConnections()
}

type idling struct {
	http.RoundTripper
	closed int
}

func (i *idling) CloseIdleConnections() { i.closed++ }
