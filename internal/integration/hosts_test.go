package integration

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// Hosts behind one address share the server's limit. All of them hear of changes, none at the
// others' expense, and the interval that each tells is the one that it polls with.
func TestHostsThatShareALimit(t *testing.T) {
	t.Parallel()
	for _, shared := range []struct{ limit, hosts int }{{40, 2}, {60, 4}} {
		t.Run(fmt.Sprintf("%d among %d", shared.limit, shared.hosts), func(t *testing.T) {
			cfg := limited(devserver.Current)
			cfg.RateLimit.Read, cfg.RateLimit.Secret = shared.limit, shared.limit
			watching := cache.Config{WatchInterval: 5 * time.Second, Watch: cache.WatchAlways}
			play(t, cfg, watching, nil, func(w *world) {
				caches := []*cache.Cache{w.cache}
				for range shared.hosts - 1 {
					c := w.join(nil)
					defer c.Close()
					other := cache.New(c, watching)
					defer other.Close()
					caches = append(caches, other)
				}
				for _, c := range caches {
					for _, dir := range w.dirs[:2] {
						_, err := c.Folder(w.Context(), dir, secret.NeedEntry)
						require.NoError(w, err)
					}
					time.Sleep(time.Second)
				}
				time.Sleep(5 * time.Minute)

				const minutes = 15
				polls := make([]float64, len(caches))
				told := make([]float64, len(caches)) // how many that should be, by the intervals
				for i, c := range caches {
					polls[i] = -float64(c.Stats().Watch.Polls)
				}
				for range minutes * 60 {
					for i, c := range caches {
						told[i] += 1 / c.Stats().Watch.IntervalSeconds
					}
					time.Sleep(time.Second)
				}
				for i, c := range caches {
					polls[i] += float64(c.Stats().Watch.Polls)
				}
				w.Logf("%d a minute: polls %v, %.0f by the intervals", shared.limit, polls, told)
				require.Greater(w, slices.Min(polls), slices.Max(polls)/3)
				require.Greater(w, slices.Min(polls), float64(minutes*2), "one each half minute")
				for i := range caches {
					require.InEpsilon(w, told[i], polls[i], 0.3)
				}
				for _, r := range w.Requests() {
					require.NotEqual(w, 429, r.Status)
				}
			})
		})
	}
}
