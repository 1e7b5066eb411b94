package cache_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
)

func TestAbsenceIsRemembered(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		missing := dev.Child("missing")
		calls := w.calls(func() {
			w.fails(missing, secret.ErrNotFound)
			sleep(time.Minute - 1)
			w.fails(missing, secret.ErrNotFound)
		})
		require.Equal(w, 1, calls.All())
		w.fake.Set(missing, "KEY", "here")
		sleep(1)
		require.Equal(w, "here", w.value(missing, "KEY"))
		require.Empty(w, w.changes())
	})
}

func TestRemovedFolder(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		below := payments.Child("eu")
		w.fake.Mkdir(below)
		old := w.get(payments, secret.NeedProof)
		w.get(below, secret.NeedProof)
		w.fake.Remove(dev, "payments")
		sleep(time.Minute)
		w.fails(payments, secret.ErrNotFound)
		require.Equal(w, []secret.Change{{Dir: payments, Deep: true, Old: old}}, w.changes())
		require.Zero(w, w.Stats().Snapshots)

		w.fake.FailAll(secret.ErrUnavailable)
		sleep(time.Minute)
		w.fails(payments, secret.ErrUnavailable) // no longer known, and nothing to show
		w.fails(below, secret.ErrUnavailable)
	})
}

func TestFailureIsNoAbsence(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.FailAll(secret.ErrUnavailable)
		missing := dev.Child("missing")
		_, err := w.entry(missing)
		require.NotErrorIs(w, err, secret.ErrNotFound)
	})
}

func TestProof(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.get(dev, secret.NeedListing)
		require.True(w, w.get(payments, secret.NeedEntry).Partial)
		calls := w.calls(func() {
			require.False(w, w.get(payments, secret.NeedProof).Partial)
			w.get(payments, secret.NeedProof)
			require.False(w, w.get(payments, secret.NeedEntry).Partial)
		})
		require.Equal(w, 1, calls.Fetch)
		require.Zero(w, calls.Conditional)
		require.Zero(w, calls.Tree)

		w.fake.FailAll(secret.ErrUnavailable)
		_, err := w.Folder(w.Context(), billing, secret.NeedProof)
		require.ErrorIs(w, err, secret.ErrUnavailable)
		require.NotErrorIs(w, err, secret.ErrNotFound)
		require.Equal(w, "two", w.value(billing, "KEY"))
	})
}
