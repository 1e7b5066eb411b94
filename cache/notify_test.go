package cache_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// Whoever is told of changes may be slow and ask for folders meanwhile;
// callers do not wait for that, and the changes stay in order.
func TestSlowNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := secrettest.NewFake()
		fake.Set(payments, "KEY", "0")
		var c *cache.Cache
		var told []string
		c = cache.New(fake, cache.Config{Watch: cache.WatchOff, OnChange: func(change secret.Change) {
			if _, err := c.Folder(t.Context(), dev, secret.NeedProof); err != nil {
				t.Error(err)
			}
			time.Sleep(10 * time.Minute)
			s, _ := change.New.Secret("KEY")
			told = append(told, s.Value.Reveal())
		}})
		for _, value := range []string{"1", "2", "3", "4"} {
			began := time.Now()
			_, err := c.Folder(t.Context(), payments, secret.NeedEntry)
			require.NoError(t, err)
			require.Zero(t, time.Since(began))
			fake.Set(payments, "KEY", value)
			time.Sleep(time.Minute)
		}
		time.Sleep(time.Hour)
		c.Close()
		require.Equal(t, []string{"1", "2", "3"}, told)
	})
}
