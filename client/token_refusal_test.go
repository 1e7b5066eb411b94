package client_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// A proxy's answer in place of the login is no verdict on the credentials.
func TestAGatewayCannotRefuseALogin(t *testing.T) {
	for _, fault := range []devserver.Fault{
		{Status: 404, Body: `{"message":"no Route matched with those values"}`},
		{Status: 404, Body: "not found", Header: http.Header{"Content-Type": {"text/plain"}}},
		{Status: 407, Body: `{}`}, {Status: 408, Body: `{}`}, {Status: 302, Body: `{}`}, {Status: 304}, {Status: 200, Body: `{}`},
		{Status: 200, Body: `null`}, {Status: 200, Body: `{"accessToken":null}`},
	} {
		w := newWorld(t, devserver.Config{}, "viewer", nil)
		w.Inject(fault)
		err := w.client.Login(t.Context())
		require.ErrorIs(t, err, secret.ErrUnavailable, fault)
		require.NotErrorIs(t, err, secret.ErrUnauthenticated, fault)
	}
}

// The token still works, so a login that hangs must not stop anybody.
func TestALoginThatHangsDoesNotStopAWorkingToken(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		synctest.Test(t, func(t *testing.T) {
			token := devserver.TokenConfig{TTL: 20 * time.Minute, MaxTTL: 2 * time.Hour}
			w := newWorld(t, devserver.Config{Profile: profile, Token: token}, "viewer", nil)
			w.fetch(t, dev)
			w.Inject(devserver.Fault{Hang: true, Match: func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/auth/") }})
			time.Sleep(16 * time.Minute)
			slow := 0
			for range 30 {
				began := time.Now()
				w.fetch(t, dev)
				if time.Since(began) > time.Second {
					slow++
				}
				require.Less(t, time.Since(began), 5*time.Second)
				time.Sleep(5 * time.Second)
			}
			require.LessOrEqual(t, slow, 6, "one in half a minute tries again")
		})
	})
}

// Logging in works, but the server refuses each new token: because of the
// client's address, for one. That must not become three requests for each one.
func TestANewTokenThatIsRefusedTooIsNotReplacedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, devserver.Config{}, "viewer", nil)
		w.fetch(t, dev)
		remove := w.Inject(devserver.Fault{
			Status: 401, Body: `{"error":"UnauthorizedError","message":"x"}`,
			Match: func(r *http.Request) bool { return !strings.Contains(r.URL.Path, "/auth/") },
		})
		w.ResetRequests()
		for range 10 {
			_, err := w.client.Fetch(t.Context(), dev, nil)
			require.ErrorIs(t, err, secret.ErrUnauthenticated)
		}
		synctest.Wait() // what was broken off may still arrive
		require.LessOrEqual(t, w.count("login"), 2)
		time.Sleep(31 * time.Second)
		_, err := w.client.Fetch(t.Context(), dev, nil)
		require.ErrorIs(t, err, secret.ErrUnauthenticated)
		remove()
		time.Sleep(31 * time.Second) // of the two requests of a fetch the second may have been refused last
		w.fetch(t, dev)
	})
}

func TestAHandedTokenIsTriedAgainLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, devserver.Config{}, "viewer", nil)
		handed := secret.NewValue(w.UserToken())
		c := join(t, w.Server, "viewer", func(cfg *client.Config) {
			cfg.Auth = client.TokenAuth(func() (secret.Value, error) { return handed, nil })
		})
		remove := w.Inject(devserver.Fault{Status: 401, Body: `{"error":"UnauthorizedError","message":"x"}`})
		for range 10 {
			_, err := c.Fetch(t.Context(), dev, nil)
			require.ErrorIs(t, err, secret.ErrUnauthenticated)
		}
		remove()
		time.Sleep(31 * time.Second)
		_, err := c.Fetch(t.Context(), dev, nil)
		require.NoError(t, err)
	})
}

func TestNothingIsAskedAfterClose(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", nil)
	w.fetch(t, dev)
	require.NoError(t, w.client.Close())
	require.NoError(t, w.client.Close())
	w.ResetRequests()
	_, err := w.client.Fetch(t.Context(), dev, nil)
	require.ErrorIs(t, err, secret.ErrUnavailable)
	require.NotErrorIs(t, err, secret.ErrUnauthenticated)
	require.Empty(t, w.Requests())
}

func TestALoginUnderWayAtCloseIsRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, devserver.Config{}, "viewer", nil)
		w.Inject(devserver.Fault{Delay: time.Second, Times: 1})
		go w.client.Login(t.Context())
		synctest.Wait()
		require.NoError(t, w.client.Close())
		require.Equal(t, 1, w.count("revoke"))
	})
}

// What a server says about a token that it cannot read differs most between
// their ages; in July 2024 it was an internal error like any other.
func TestATokenThatTheServerCannotReadIsNoOutage(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
			elsewhere := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
			expired := w.UserToken()
			time.Sleep(11 * 24 * time.Hour)
			for what, token := range map[string]string{"expired": expired, "of another server": elsewhere.UserToken(), "no token": "garbage"} {
				handed, reads := token, 0
				c := join(t, w.Server, "viewer", func(cfg *client.Config) {
					cfg.Auth = client.TokenAuth(func() (secret.Value, error) { reads++; return secret.NewValue(handed), nil })
				})
				_, err := c.Fetch(t.Context(), dev, nil)
				require.ErrorIs(t, err, secret.ErrUnauthenticated, what)
				require.NotErrorIs(t, err, secret.ErrUnavailable, what)
				require.LessOrEqual(t, reads, 3, what)

				handed = w.UserToken()
				_, err = c.Fetch(t.Context(), dev, nil)
				require.NoError(t, err, what)
			}
		})
	})
}

// A token that is good for a few requests only is replaced when they are spent.
func TestATokenWithFewUses(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile, Token: devserver.TokenConfig{NumUses: 5}}, "viewer", nil)
		for range 20 {
			w.fetch(t, dev)
		}
		require.Greater(t, w.count("login"), 5)
	})
}
