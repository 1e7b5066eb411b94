package client_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

func TestAWalkIsSlowedDownToTheLimit(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, devserver.Config{Profile: profile, RateLimit: devserver.RateLimit{Secret: 20, Read: 1000, Write: 1000}}, "viewer", nil)
			began := time.Now()
			for range 50 {
				w.fetch(t, dev)
			}
			require.Greater(t, time.Since(began), 2*time.Minute)
			require.Less(t, time.Since(began), 3*time.Minute)
			for _, r := range w.Requests() {
				require.False(t, r.Route != "" && (r.Status == 429 || r.Status == 500), "asked although the limit was known: %s", r.Path)
			}
		})
	})
}

// A server that refuses and says "try again at once" is not asked in a loop, and
// all waits of an operation together have a bound.
func TestARefusalWithoutAWaitIsNoLoop(t *testing.T) {
	for _, after := range []string{"0", "-1", "NaN", "1700000000", "Mon, 02 Jan 2006 15:04:05 GMT"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, devserver.Config{}, "viewer", nil)
			w.fetch(t, dev)
			w.Inject(devserver.Fault{Status: 429, Body: `{"error":"RateLimitExceeded"}`, Header: http.Header{"Retry-After": {after}}})
			before, began := w.client.Stats().Total, time.Now()
			_, err := w.client.Fetch(t.Context(), dev, nil)
			require.ErrorIs(t, err, secret.ErrRateLimited)
			require.LessOrEqual(t, time.Since(began), 75*time.Second)
			require.LessOrEqual(t, w.client.Stats().Total-before, int64(140), "two requests, each once a second at most")
		})
	}
}

func TestBackgroundWorkDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, devserver.Config{}, "viewer", nil)
		w.fetch(t, dev)
		w.Inject(devserver.Fault{Status: 429, Body: `{"error":"RateLimitExceeded"}`, Header: http.Header{"Retry-After": {"0"}}})
		before, began := w.client.Stats().Total, time.Now()
		_, err := w.client.Fetch(secret.Background(t.Context()), dev, nil)
		require.ErrorIs(t, err, secret.ErrRateLimited)
		require.Zero(t, time.Since(began))
		require.LessOrEqual(t, w.client.Stats().Total-before, int64(2))
	})
}

func TestNoPatienceForTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, devserver.Config{}, "viewer", func(c *client.Config) { c.RateWait = -1 })
		w.fetch(t, dev)
		w.Inject(devserver.Fault{Status: 429, Body: `{}`})
		began := time.Now()
		_, err := w.client.Fetch(t.Context(), dev, nil)
		require.ErrorIs(t, err, secret.ErrRateLimited)
		require.Zero(t, time.Since(began))
	})
}

// Somebody else at the same address uses the limit up: the refusal comes without
// a warning, and looks different on every kind of server.
func TestARefusalBehindSomebodyElseIsWaitedFor(t *testing.T) {
	limit := devserver.RateLimit{Secret: 10, Read: 1000, Write: 1000}
	october := limit
	october.Says429 = true
	for name, cfg := range map[string]devserver.Config{
		"current": {RateLimit: limit}, "2024": {Profile: devserver.Y2024, RateLimit: limit}, "2024-10-22": {Profile: devserver.Y2024, RateLimit: october},
		"2024-07": {Profile: devserver.July2024, RateLimit: limit},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, cfg, "viewer", nil)
				other := join(t, w.Server, "admin", nil)
				for range 15 {
					_, err := other.Fetch(t.Context(), dev, nil)
					require.NoError(t, err)
					w.fetch(t, dev)
				}
				require.NotZero(t, w.client.Stats().RateWaits+other.Stats().RateWaits)
			})
		})
	}
}
