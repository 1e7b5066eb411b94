package cache_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
)

// That a folder is too large is an answer: it is not read up to the bound again
// and again, but once in as long as an answer is believed, or when somebody wants
// to know.
func TestTooLargeIsRemembered(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Fail(payments, secret.ErrTooLarge)
		calls := w.calls(func() {
			for range 50 {
				w.fails(payments, secret.ErrTooLarge)
				sleep(time.Second)
			}
		})
		require.Equal(w, 1, calls.All())
		require.Equal(w, "hello", w.value(dev, "GREETING"), "nor does it stand for the server")
		require.Empty(w, w.changes())

		w.fake.Fail(payments, nil)
		w.Expire()
		require.Equal(w, "one", w.value(payments, "KEY"))
		w.fake.Fail(payments, secret.ErrTooLarge)
		w.Expire()
		require.Equal(w, "one", w.value(payments, "KEY"), "what was shown stands in for it")
	})
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Fail(payments, secret.ErrTooLarge)
		w.fails(payments, secret.ErrTooLarge)
		w.fake.Fail(payments, nil)
		sleep(time.Minute)
		require.Equal(w, "one", w.value(payments, "KEY"))
	})
}
