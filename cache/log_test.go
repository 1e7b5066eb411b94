package cache_test

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
)

// A rate limit that is spent is no server that is down, and whoever reads the log
// at night has to do something else about it.
func TestTheLogTellsARateLimitFromAnOutage(t *testing.T) {
	var log strings.Builder
	bubble(t, cache.Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, func(w *world) {
		said := func() string {
			synctest.Wait() // lines are written by somebody else
			defer log.Reset()
			return log.String()
		}
		w.get(dev, secret.NeedEntry)
		said()
		w.fake.FailAll(secret.ErrRateLimited)
		sleep(time.Hour)
		w.entry(dev)
		text := said()
		require.Contains(w, text, "the rate limit is reached")
		require.NotContains(w, text, "does not answer")

		w.fake.FailAll(secret.ErrUnavailable)
		sleep(time.Hour)
		w.entry(dev)
		require.Contains(w, said(), "the server does not answer", "it became worse")

		w.fake.FailAll(nil)
		sleep(time.Hour)
		w.entry(dev)
		require.Contains(w, said(), "the server answers again")
	})
}
