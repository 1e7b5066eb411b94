package client_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// One request tells what is stored in an environment: texts, not what they resolve to.
func TestStoredBelow(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		forest(t, w)
		w.edit(t, func(e *devserver.Editor) error {
			if err := e.Set("demo", "prod", "/f1/g1", "REFERS", "a ${prod.f0.g0.KEY}"); err != nil {
				return err
			}
			return e.Import("demo", "prod", "/f2", "dev", "/payments")
		})
		w.fetch(t, prod)
		w.ResetRequests()
		list, err := w.client.StoredBelow(t.Context(), prod)
		require.NoError(t, err)
		require.Len(t, w.Requests(), 1)
		texts := map[string]int{}
		for _, s := range list {
			require.NotEmpty(t, s.ID)
			require.NotZero(t, s.Version)
			texts[s.Name+"="+s.Value.Reveal()]++
		}
		require.Equal(t, 1, texts["REFERS=a ${prod.f0.g0.KEY}"])
		require.Equal(t, 1, texts["KEY=/f4/g2"])
		for _, s := range list {
			require.NotEqual(t, "STRIPE_KEY", s.Name, "what is imported is stored elsewhere")
		}

		below, err := w.client.StoredBelow(t.Context(), prod.Child("f1"))
		require.NoError(t, err)
		require.Len(t, below, 4)
		_, err = w.client.StoredBelow(t.Context(), secret.Dir{Project: "nowhere", Env: "prod", Path: "/"})
		require.ErrorIs(t, err, secret.ErrNotFound)
	})
}
