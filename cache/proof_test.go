package cache_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
)

// That a name does not exist is not believed of a list that is out of date only
// because the server is slow: the soft deadline is for values.
func TestAbsenceWaitsForASlowServer(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.get(payments, secret.NeedProof)
		sleep(time.Minute)
		w.fake.Set(payments, "NEW", "new")
		w.fake.Delay(9 * time.Second)
		require.Equal(w, time.Second, w.took(func() { require.True(w, w.get(payments, secret.NeedEntry).Stale) }))
		require.Equal(w, 8*time.Second, w.took(func() {
			s, ok := w.get(payments, secret.NeedProof).Secret("NEW")
			require.True(w, ok)
			require.Equal(w, "new", s.Value.Reveal())
		}))
	})
}

// While the server is slow nobody else is told of an absence sooner.
func TestAbsencesInASlowWalk(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.get(payments, secret.NeedProof)
		w.get(billing, secret.NeedProof)
		sleep(time.Minute)
		w.fake.Delay(5 * time.Second)
		w.get(billing, secret.NeedEntry) // it is found out to be slow
		w.fake.Set(payments, "NEW", "new")
		require.True(w, w.get(payments, secret.NeedEntry).Stale, "values do not wait any more")
		_, ok := w.get(payments, secret.NeedProof).Secret("NEW")
		require.True(w, ok)
	})
}

// In an outage the last complete list is all that there is, as documented; a rate
// limit is none, as the server would answer if it was asked.
func TestAbsenceInAnOutage(t *testing.T) {
	for _, err := range []error{secret.ErrUnavailable, secret.ErrTimeout} {
		bubble(t, cache.Config{}, func(w *world) {
			w.get(payments, secret.NeedProof)
			sleep(time.Minute)
			w.fake.FailAll(err)
			require.True(w, w.get(payments, secret.NeedProof).Stale)
			require.Zero(w, w.calls(func() {
				w.quick(func() { require.True(w, w.get(payments, secret.NeedProof).Stale) })
			}).All())
		})
	}
	bubble(t, cache.Config{}, func(w *world) {
		w.get(payments, secret.NeedProof)
		sleep(time.Minute)
		w.fake.FailAll(secret.ErrRateLimited)
		_, err := w.Folder(w.Context(), payments, secret.NeedProof)
		require.ErrorIs(w, err, secret.ErrRateLimited)
		require.True(w, w.get(payments, secret.NeedEntry).Stale, "a value is shown")
		_, err = w.Folder(w.Context(), payments, secret.NeedProof)
		require.ErrorIs(w, err, secret.ErrRateLimited)
	})
}

// Who asks for everything anew wants the server's answer, as long as it may take.
func TestFirstAccessAfterExpireWaits(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.get(payments, secret.NeedProof)
		w.fake.Set(payments, "KEY", "new")
		w.fake.Delay(5 * time.Second)
		w.Expire()
		require.Equal(w, 5*time.Second, w.took(func() { require.Equal(w, "new", w.value(payments, "KEY")) }))
		w.quick(func() { w.value(payments, "KEY") })
		sleep(time.Minute)
		require.Equal(w, time.Second, w.took(func() { require.True(w, w.get(payments, secret.NeedEntry).Stale) }), "as before")

		sleep(5 * time.Second)
		w.fake.Delay(0)
		w.fake.FailAll(secret.ErrUnavailable)
		w.Expire()
		require.True(w, w.get(payments, secret.NeedEntry).Stale, "an outage is an outage")
		w.quick(func() { require.True(w, w.get(payments, secret.NeedEntry).Stale) })
	})
}
