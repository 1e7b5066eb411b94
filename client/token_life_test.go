package client_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// The shortest lives that anybody sets: a token is renewed in seconds, and only twice.
func TestTokensOfSecondsForTenMinutes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, profile devserver.Profile) {
		synctest.Test(t, func(t *testing.T) {
			token := devserver.TokenConfig{TTL: 6 * time.Second, MaxTTL: 16 * time.Second}
			w := newWorld(t, devserver.Config{Profile: profile, Token: token}, "viewer", nil)
			for began := time.Now(); time.Since(began) < 10*time.Minute; time.Sleep(1300 * time.Millisecond) {
				w.fetch(t, dev)
			}
			refused := 0
			for _, r := range w.Requests() {
				if r.Status >= 400 && r.Route != "" {
					refused++
				}
			}
			require.LessOrEqual(t, refused, 1, "the list of projects")
			logins := w.count("login")
			require.Greater(t, logins, 600/16)
			require.Less(t, logins, 600/6)
		})
	})
}

func TestManyReadersAtTheEndOfAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		token := devserver.TokenConfig{TTL: time.Minute, MaxTTL: time.Minute}
		w := newWorld(t, devserver.Config{Token: token}, "viewer", nil)
		w.fetch(t, dev)
		time.Sleep(time.Minute)
		w.ResetRequests()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				_, err := w.client.Fetch(t.Context(), dev, nil)
				require.NoError(t, err)
			})
		}
		all.Wait()
		require.Equal(t, 1, w.count("login"))
	})
}

func TestWhoTheLoginIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, devserver.Config{Token: devserver.TokenConfig{TTL: time.Hour}}, "viewer", nil)
		who, err := w.client.Who(t.Context())
		require.NoError(t, err)
		require.Equal(t, "viewer", who.Name)
		require.Equal(t, w.Credentials("viewer").IdentityID, who.IdentityID)
		require.Equal(t, time.Now().Add(time.Hour-time.Second), who.Ends, "servers count in whole seconds")
		require.Zero(t, who.Uses)
		require.Zero(t, who.Skew)
		require.NoError(t, w.client.CheckUses(t.Context()))

		person := join(t, w.Server, "viewer", func(cfg *client.Config) {
			cfg.Auth = client.TokenAuth(func() (secret.Value, error) { return secret.NewValue(w.UserToken()), nil })
		})
		who, err = person.Who(t.Context())
		require.NoError(t, err)
		require.NotEmpty(t, who.UserID)
		require.Empty(t, who.IdentityID)
		require.Equal(t, time.Now().Add(10*24*time.Hour).Unix(), who.Ends.Unix())
	})
}

func TestAFewUsesAreTooFewForAMount(t *testing.T) {
	w := newWorld(t, devserver.Config{Token: devserver.TokenConfig{NumUses: 20}}, "viewer", nil)
	err := w.client.CheckUses(t.Context())
	require.ErrorIs(t, err, client.ErrFewUses)
	require.ErrorContains(t, err, "20 uses")
}
