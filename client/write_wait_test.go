package client_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// eachInTime is eachReady in a bubble, with a function that updates GREETING.
func eachInTime(t *testing.T, test func(t *testing.T, w world, update func(context.Context) error)) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		synctest.Test(t, func(t *testing.T) {
			w := ready(t, profile)
			test(t, w, func(ctx context.Context) error {
				return second(w.client.Update(ctx, dev, "GREETING", text("changed")))
			})
		})
	})
}

func cancelAfter(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(d, cancel)
	return ctx
}

// limited is the refusal of a request for the rate limit, as old servers word it.
func limited(seconds string) devserver.Fault {
	return devserver.Fault{
		Match: isWrite, Status: 500, Times: 1, Header: http.Header{"Retry-After": {seconds}, "X-Ratelimit-Remaining": {"0"}}, Body: `{"error":"InternalServerError"}`,
	}
}

func TestAChangeWaitsForTheRateLimit(t *testing.T) {
	eachInTime(t, func(t *testing.T, w world, update func(context.Context) error) {
		w.Inject(limited("80"))
		began := time.Now()
		require.NoError(t, update(t.Context()))
		require.InDelta(t, 80, time.Since(began).Seconds(), 1)
		require.True(t, w.has("/", "GREETING", "changed"))
		require.Equal(t, 2, w.writes())
	})
}

func TestAChangeDoesNotWaitInVain(t *testing.T) {
	eachInTime(t, func(t *testing.T, w world, update func(context.Context) error) {
		w.Inject(limited("100"))
		began := time.Now()
		require.ErrorIs(t, update(t.Context()), secret.ErrRateLimited)
		require.Less(t, time.Since(began), time.Second)
		require.True(t, untouched(w))
	})
}

func TestAChangeIsInterruptedInLine(t *testing.T) {
	eachInTime(t, func(t *testing.T, w world, update func(context.Context) error) {
		w.Inject(limited("30"))
		began := time.Now()
		require.ErrorIs(t, update(cancelAfter(t, 5*time.Second)), context.Canceled)
		require.Equal(t, 5*time.Second, time.Since(began))
		time.Sleep(time.Minute)
		require.True(t, untouched(w), "and is not sent afterwards")
	})
}

func TestAnInterruptedCallerSendsNothing(t *testing.T) {
	eachInTime(t, func(t *testing.T, w world, _ func(context.Context) error) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, op := range operations() {
			require.ErrorIs(t, op.do(ctx, w.client), context.Canceled, op.name)
		}
		require.Zero(t, w.writes())
		require.True(t, untouched(w))
	})
}

func TestAChangeOnItsWayIsSeenToItsEnd(t *testing.T) {
	for name, fault := range map[string]devserver.Fault{
		"slow":       {Delay: 3 * time.Second},
		"slow, lost": {Delay: 3 * time.Second, After: true, Reset: true},
	} {
		t.Run(name, func(t *testing.T) {
			eachInTime(t, func(t *testing.T, w world, update func(context.Context) error) {
				fault.Match, fault.Times = isWrite, 1
				w.Inject(fault)
				began := time.Now()
				require.NoError(t, update(cancelAfter(t, time.Second)))
				require.Equal(t, 3*time.Second, time.Since(began))
				require.True(t, w.has("/", "GREETING", "changed"))
			})
		})
	}
}

// The server says nothing, having acted or not: that is found out in time.
func TestASilentServerIsAskedInTime(t *testing.T) {
	for name, after := range map[string]bool{"acted": true, "did not": false} {
		t.Run(name, func(t *testing.T) {
			eachInTime(t, func(t *testing.T, w world, update func(context.Context) error) {
				w.Inject(devserver.Fault{Match: isWrite, Hang: true, After: after})
				began := time.Now()
				err := update(t.Context())
				require.Less(t, time.Since(began), 10*time.Second)
				require.Equal(t, after, w.has("/", "GREETING", "changed"))
				if after {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, secret.ErrTimeout)
				}
			})
		})
	}
}

// With most of the deadline spent on the way there, a change is not begun.
func TestAChangeIsNotSentTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := ready(t, devserver.Current)
		w.Inject(devserver.Fault{Match: func(r *http.Request) bool { return r.Method == http.MethodGet }, Delay: 2 * time.Second})
		require.ErrorIs(t, w.client.DeleteFolder(t.Context(), dev, "empty"), secret.ErrTimeout)
		require.Zero(t, w.writes())
		require.True(t, untouched(w))
	})
}

func TestAChangeLogsInAnew(t *testing.T) {
	eachInTime(t, func(t *testing.T, w world, update func(context.Context) error) {
		w.edit(t, func(e *devserver.Editor) error { return e.Revoke("admin") })
		require.NoError(t, update(t.Context()))
		require.True(t, w.has("/", "GREETING", "changed"))
		require.Equal(t, 2, w.writes(), "one was refused")

		refuse := w.Inject(devserver.Fault{Match: isWrite, Status: 401, Body: `{"error":"UnauthorizedError","message":"x"}`})
		w.ResetRequests()
		require.ErrorIs(t, update(t.Context()), secret.ErrUnauthenticated)
		require.Equal(t, 2, w.writes(), "replayed once")
		refuse()
	})
}

// upgraded is a server whose other set of routes is missing.
type upgraded struct {
	http.RoundTripper
	current atomic.Bool
}

func (u *upgraded) RoundTrip(r *http.Request) (*http.Response, error) {
	path := r.URL.Path
	current := strings.HasPrefix(path, "/api/v4/") || strings.HasPrefix(path, "/api/v2/") || strings.HasPrefix(path, "/api/v1/projects")
	legacy := strings.HasPrefix(path, "/api/v3/") || strings.HasPrefix(path, "/api/v1/folders") || strings.HasPrefix(path, "/api/v1/workspace")
	if u.current.Load() && legacy || !u.current.Load() && current {
		r = r.Clone(r.Context())
		r.URL.Path, r.URL.RawPath = "/api/no/such/route", ""
	}
	return u.RoundTripper.RoundTrip(r)
}

func TestChangesFollowAnUpgrade(t *testing.T) {
	for _, op := range operations() {
		t.Run(op.name, func(t *testing.T) {
			w := ready(t, devserver.Current)
			transport := &upgraded{RoundTripper: devserver.Transport(w.Server)}
			c := join(t, w.Server, "admin", func(c *client.Config) { c.Transport = transport })
			_, err := c.Fetch(t.Context(), dev, nil)
			require.NoError(t, err)
			require.Equal(t, "legacy", c.Stats().Routes)
			transport.current.Store(true)
			require.NoError(t, op.do(t.Context(), c))
			require.True(t, op.done(w))
			require.Equal(t, "current", c.Stats().Routes)
		})
	}
}
