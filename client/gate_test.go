package client_test

import (
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// What a server has told one client of its limit another one of the process knows: it
// asks for no list of secrets either. Lists of folders have a budget of their own, so
// that one may be asked for meanwhile.
func TestClientsOfOneServerShareAGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := client.NewGate()
		w := newWorld(t, devserver.Config{}, "viewer", func(cfg *client.Config) { cfg.Gate = gate })
		other := join(t, w.Server, "admin", func(cfg *client.Config) { cfg.Gate = gate })
		alone := join(t, w.Server, "admin", nil)
		for _, c := range []*client.Client{w.client, other, alone} {
			_, err := c.Fetch(t.Context(), dev, nil)
			require.NoError(t, err)
		}
		listed := func() int {
			synctest.Wait() // what was broken off may still arrive
			return w.count("/api/v4/secrets")
		}
		isList := func(r *http.Request) bool { return r.URL.Path == "/api/v4/secrets" }
		w.Inject(devserver.Fault{Match: isList, Status: 429, Times: 1, Body: `{"error":"RateLimitExceeded"}`, Header: http.Header{"Retry-After": {"60"}}})
		_, err := w.client.Fetch(secret.Background(t.Context()), dev, nil)
		require.ErrorIs(t, err, secret.ErrRateLimited)
		asked := listed()
		_, err = other.Fetch(secret.Background(t.Context()), dev, nil)
		require.ErrorIs(t, err, secret.ErrRateLimited)
		require.Equal(t, asked, listed(), "it did not ask")
		_, err = alone.Fetch(secret.Background(t.Context()), dev, nil)
		require.NoError(t, err)
		require.Equal(t, asked+1, listed(), "who does not share the gate did")
	})
}
