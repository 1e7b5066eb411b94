package fs

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// Many who come after a change make one generation of it, or the one before could
// not be found any longer by who has read the link to it.
func TestManyMakeOneGeneration(t *testing.T) {
	w := newWorld(func(c *Config) { c.Root, c.Links = dev, true })
	fusetest.Direct(t, w.Root(), w.Options())
	for range 50 {
		before, err := w.root.generation(t.Context())
		require.NoError(t, err)
		s, _ := snapshot(t, w, dev).Secret("GREETING")
		w.Set(dev, "GREETING", s.Value.Reveal()+".")
		got := make([]*generation, 8)
		var readers sync.WaitGroup
		for i := range got {
			readers.Go(func() { got[i], _ = w.root.generation(t.Context()) })
		}
		readers.Wait()
		for _, g := range got {
			require.Same(t, w.root.gens.latest(), g)
		}
		require.Same(t, before, w.root.gens.called(before.name))
	}
}

// Who was slow does not bring back what was before.
func TestGenerationsDoNotGoBack(t *testing.T) {
	var gens generations
	of := func(value string, fetched time.Time) *generation {
		g := &generation{name: value}
		g.snap.Store(&secret.Folder{Dir: dev, Fetched: fetched, Secrets: []secret.Secret{{Name: "K", Value: secret.NewValue(value)}}})
		return g
	}
	older, newer, newest := of("a", started), of("b", started.Add(time.Second)), of("c", started.Add(time.Minute))
	require.Same(t, newer, gens.take(newer))
	require.Same(t, newer, gens.take(older))
	require.Same(t, newest, gens.take(newest))
	newest.snap.Store(nil)
	require.Same(t, older, gens.take(older), "what was revoked is not newer than anything")
}
