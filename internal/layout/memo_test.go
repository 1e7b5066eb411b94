package layout

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// A copy of a snapshot, as made of one that is stale or was confirmed, is not
// worked on again: during an outage each request brings another.
func TestCopiesOfASnapshotAreWorkedOnOnce(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"tree": func(c *Config) { c.AddNewline = true },
		"flat": func(c *Config) { c.Flat, c.AddNewline = true, true },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(change)
			known := map[secret.Dir]*secret.Folder{}
			for _, dir := range []secret.Dir{dev, payments, eu} {
				var err error
				known[dir], err = w.Fetch(t.Context(), dir, nil)
				require.NoError(t, err)
			}
			stale := false
			w.below = sourceFunc(func(_ context.Context, dir secret.Dir, _ secret.Need) (*secret.Folder, error) {
				return known[dir].With(func(f *secret.Folder) { f.Stale = stale }), nil
			})
			first := w.folder(t, dev)
			stale = true
			second := w.folder(t, dev)
			require.True(t, second.Stale)
			require.False(t, first.Stale)
			require.Same(t, &first.Secrets[0], &second.Secrets[0])

			known[eu] = known[eu].With(func(f *secret.Folder) {
				f.Secrets = []secret.Secret{{Name: "bic", Value: secret.NewValue("FAKE")}}
			})
			if w.cfg.Flat {
				require.Contains(t, values(w.folder(t, dev)), "payments__eu__bic")
				require.NotContains(t, values(w.folder(t, dev)), "payments__eu__iban")
			}
			known[dev] = known[dev].With(func(f *secret.Folder) { f.Secrets = nil })
			require.NotContains(t, values(w.folder(t, dev)), "GREETING")
		})
	}
}
