package client_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// count returns how many requests of a kind the server saw.
func (w world) count(routePart string) int {
	n := 0
	for _, r := range w.Requests() {
		if strings.Contains(r.Route, routePart) {
			n++
		}
	}
	return n
}

// A token lives for its TTL, may be renewed until its max TTL, and a server of
// 2024 kills it if a renewal would go beyond. A mount must not notice.
func TestTokenIsRenewedAndReplacedInTime(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		synctest.Test(t, func(t *testing.T) {
			token := devserver.TokenConfig{TTL: 10 * time.Minute, MaxTTL: time.Hour}
			w := newWorld(t, devserver.Config{Profile: profile, Token: token}, "viewer", nil)
			for range 24 * 20 {
				w.fetch(t, dev)
				time.Sleep(3 * time.Minute)
			}
			refused := 0
			for _, r := range w.Requests() {
				if r.Status >= 400 && r.Route != "" {
					refused++
				}
			}
			require.LessOrEqual(t, refused, 1, "the list of projects")
			logins, renewals := w.count("login"), w.count("renew")
			require.InDelta(t, 24, logins, 8, "about one login an hour")
			require.Greater(t, renewals, 3*logins)
		})
	})
}

func TestARefusedTokenIsReplacedOnceAndTheRequestReplayed(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		w.fetch(t, dev)
		w.edit(t, func(e *devserver.Editor) error { return e.Revoke("viewer") })
		w.ResetRequests()
		w.fetch(t, dev)
		require.Equal(t, 1, w.count("login"))
	})
}

func TestBadCredentialsAreToldApartAndNotHammered(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		synctest.Test(t, func(t *testing.T) {
			for _, id := range []string{"", "00000000-0000-4000-8000-000000000000"} {
				w := newWorld(t, devserver.Config{Profile: profile}, "viewer", func(c *client.Config) {
					if id == "" {
						id = "not-an-id"
					}
					c.Auth = client.UniversalAuth(id, secret.NewValue("wrong"))
				})
				for range 10 {
					err := w.client.Login(t.Context())
					require.ErrorIs(t, err, secret.ErrUnauthenticated)
					require.NotErrorIs(t, err, secret.ErrNotFound, "an unknown client id is no absence")
					require.NotContains(t, err.Error(), "wrong")
					for _, dir := range []secret.Dir{{}, {Project: "demo"}, dev} {
						_, err = w.client.Fetch(t.Context(), dir, nil)
						require.ErrorIs(t, err, secret.ErrUnauthenticated)
						require.NotErrorIs(t, err, secret.ErrDenied, "one error, one meaning")
					}
				}
				require.Equal(t, 1, w.count("login"))
				time.Sleep(31 * time.Second)
				require.ErrorIs(t, w.client.Login(t.Context()), secret.ErrUnauthenticated)
				require.Equal(t, 2, w.count("login"))
			}
		})
	})
}

func TestChangedClientSecretIsNoticedAtTheNextLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, devserver.Config{}, "viewer", nil)
		w.fetch(t, dev)
		w.edit(t, func(e *devserver.Editor) error { return e.ChangeClientSecret("viewer") })
		w.fetch(t, dev)
		w.edit(t, func(e *devserver.Editor) error { return e.Revoke("viewer") })
		_, err := w.client.Fetch(t.Context(), dev, nil)
		require.ErrorIs(t, err, secret.ErrUnauthenticated)
	})
}

// Who rotates the client secret puts the new one into the file that the mount
// was given: the mount must not end, nor sit out a pause with it.
func TestAClientSecretThatIsReplacedInItsFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, devserver.Config{}, "viewer", nil)
		who := w.Credentials("viewer")
		file := who.ClientSecret
		c := join(t, w.Server, "viewer", func(cfg *client.Config) {
			cfg.Auth = client.UniversalAuthFrom(who.ClientID, func() (secret.Value, error) { return secret.NewValue(file), nil })
		})
		_, err := c.Fetch(t.Context(), dev, nil)
		require.NoError(t, err)
		w.edit(t, func(e *devserver.Editor) error { return e.ChangeClientSecret("viewer") })
		w.edit(t, func(e *devserver.Editor) error { return e.Revoke("viewer") })
		_, err = c.Fetch(t.Context(), dev, nil)
		require.ErrorIs(t, err, secret.ErrUnauthenticated)

		file = w.Credentials("viewer").ClientSecret
		_, err = c.Fetch(t.Context(), dev, nil)
		require.NoError(t, err)
	})
}

func TestAnOutageDuringLoginIsNoRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, devserver.Config{}, "viewer", nil)
		remove := w.Inject(devserver.Fault{Match: func(r *http.Request) bool { return strings.Contains(r.URL.Path, "login") }, Status: 503, Body: "{}"})
		err := w.client.Login(t.Context())
		require.ErrorIs(t, err, secret.ErrUnavailable)
		require.NotErrorIs(t, err, secret.ErrUnauthenticated)
		remove()
		require.NoError(t, w.client.Login(t.Context()), "no pause after an outage")
	})
}

func TestAHandedTokenIsReadAgainWhenRefused(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", nil)
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("outdated"), 0o600))
	reads := 0
	c := join(t, w.Server, "viewer", func(cfg *client.Config) {
		cfg.Auth = client.TokenAuth(func() (secret.Value, error) {
			reads++
			text, err := os.ReadFile(file)
			return secret.NewValue(string(text)), err
		})
	})
	for range 3 {
		_, err := c.Fetch(t.Context(), dev, nil)
		require.ErrorIs(t, err, secret.ErrUnauthenticated)
	}
	require.NoError(t, os.WriteFile(file, []byte(w.UserToken()), 0o600))
	_, err := c.Fetch(t.Context(), dev, nil)
	require.NoError(t, err)
	require.LessOrEqual(t, reads, 5)
	require.NoError(t, c.Close())
	require.Zero(t, w.count("revoke"), "the token is not ours to revoke")
}

func TestCloseRevokesItsOwnToken(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", nil)
	w.fetch(t, dev)
	require.NoError(t, w.client.Close())
	require.Equal(t, 1, w.count("revoke"))
}

func TestACallerWhoGivesUpDoesNotBreakTheLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, devserver.Config{}, "viewer", nil)
		w.Inject(devserver.Fault{Delay: 2 * time.Second, Times: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, w.client.Login(ctx), context.DeadlineExceeded)
		require.NoError(t, w.client.Login(t.Context()))
	})
}

// Several logins of one client at once get in each other's way at the server,
// which says so with the status of a rate limit. It is none: nothing has to be
// waited for but the other login.
func TestLoginsThatCollide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, devserver.Config{}, "viewer", nil)
		w.Inject(devserver.Fault{
			Match: func(r *http.Request) bool { return strings.Contains(r.URL.Path, "login") }, Times: 2,
			Status: 429, Body: `{"reqId":"r","statusCode":429,"message":"Failed to acquire lock: rate limit exceeded","error":"RateLimitError"}`,
		})
		began := time.Now()
		require.NoError(t, w.client.Login(t.Context()))
		require.Less(t, time.Since(began), 5*time.Second)
		require.Zero(t, w.client.Stats().RateWaits)

		w.edit(t, func(e *devserver.Editor) error { return e.Revoke("viewer") })
		w.Inject(devserver.Fault{
			Match:  func(r *http.Request) bool { return strings.Contains(r.URL.Path, "login") },
			Status: 429, Body: `{"message":"Failed to acquire lock: rate limit exceeded"}`,
		})
		_, err := w.client.Fetch(t.Context(), dev, nil)
		require.ErrorIs(t, err, secret.ErrUnavailable)
		require.NotErrorIs(t, err, secret.ErrUnauthenticated, "the credentials are not at fault")
	})
}
