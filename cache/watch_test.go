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

// watching runs test on a cache that watches what is used.
func watching(t *testing.T, cfg cache.Config, test func(w *world)) {
	t.Helper()
	if cfg.Watch == "" {
		cfg.Watch = cache.WatchUsed
	}
	bubble(t, cfg, test)
}

func TestChangeArrivesByItself(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		for _, value := range []string{"two", "three", "four"} {
			w.fake.Set(payments, "KEY", value)
			calls := w.calls(func() { sleep(time.Minute) })
			require.Equal(w, secrettest.Calls{Fetch: 1, Conditional: 1}, calls)
			changes := w.changes()
			require.Len(w, changes, 1)
			require.Equal(w, payments, changes[0].Dir)
			require.NoError(w, changes[0].Err)
			before, _ := changes[0].Old.Secret("KEY")
			after, _ := changes[0].New.Secret("KEY")
			require.Equal(w, before.Version+1, after.Version)
			require.Equal(w, value, after.Value.Reveal())
		}
		for _, r := range w.fake.Requests()[1:] {
			require.True(w, r.Background)
		}
	})
}

// Whoever reads what is watched is served without a request.
func TestWatchedFolderIsFresh(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		for range 1000 {
			sleep(time.Second)
			synctest.Wait()
			require.False(w, w.get(payments, secret.NeedEntry).Stale)
		}
		require.EqualValues(w, 1, w.Stats().Misses)
	})
}

// One request for all, and the next is conditional.
func TestManyWatchedFoldersAreOneRequest(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		dirs := w.wide()
		for _, dir := range dirs {
			w.get(dir, secret.NeedProof)
		}
		require.Equal(w, 100, w.Stats().Watch.Folders)
		require.Equal(w, secrettest.Calls{Tree: 1}, w.calls(func() { sleep(time.Minute) }))
		calls := w.calls(func() { sleep(12 * time.Minute) })
		require.InDelta(w, 13, calls.Tree, 1)
		require.Equal(w, calls.Tree, calls.Conditional)
		require.Zero(w, calls.Fetch)
		require.Empty(w, w.changes())
		w.fake.Set(dirs[7], "KEY", "new")
		require.Zero(w, w.calls(func() { sleep(time.Minute) }).Fetch)
		changes := w.changes()
		require.Len(w, changes, 1)
		require.Equal(w, dirs[7], changes[0].Dir)
		require.Equal(w, 100, w.Stats().Snapshots, "nothing but what is used")
	})
}

// A folder that was asked for by itself meanwhile is not asked for so ever after.
func TestOneRequestForAllAgain(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		w.get(payments, secret.NeedProof)
		w.get(billing, secret.NeedProof)
		sleep(3 * time.Minute)
		require.Equal(w, 1, w.calls(func() { w.get(payments, secret.NeedProof) }).Fetch)
		calls := w.calls(func() { sleep(10 * time.Minute) })
		require.Zero(w, calls.Fetch)
		require.Equal(w, calls.Tree-1, calls.Conditional)
	})
}

func TestUnconfirmedForFifteenMinutesAtMost(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		w.get(payments, secret.NeedProof)
		w.get(billing, secret.NeedProof)
		sleep(time.Hour - time.Minute)
		synctest.Wait()
		full := time.Time{}
		n := 0
		for _, r := range w.fake.Requests() {
			if r.Kind == secrettest.KindTree && len(r.KnownTree) == 0 {
				if !full.IsZero() {
					require.LessOrEqual(w, r.At.Sub(full), 16*time.Minute)
				}
				full, n = r.At, n+1
			}
		}
		require.GreaterOrEqual(w, n, 4)
	})
}

func TestInexactEnvironmentIsPolledFolderByFolder(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		w.fake.Inexact(true)
		w.get(payments, secret.NeedProof)
		w.get(billing, secret.NeedProof)
		w.fake.Set(billing, "KEY", "new")
		calls := w.calls(func() { sleep(time.Minute) })
		require.Equal(w, secrettest.Calls{Fetch: 2, Conditional: 2, Tree: 1}, calls)
		require.Len(w, w.changes(), 1)
		calls = w.calls(func() { sleep(10 * time.Minute) })
		require.Zero(w, calls.Tree, "it rarely goes away within minutes")
		require.InDelta(w, 21, calls.Fetch, 3)
	})
}

// A name that a bulk answer lacks is asked for in the folder's own list.
func TestDeletedSecretOfAWatchedFolder(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		w.fake.Set(payments, "MORE", "more")
		w.get(payments, secret.NeedProof)
		w.get(billing, secret.NeedProof)
		w.fake.Remove(payments, "MORE")
		require.Equal(w, secrettest.Calls{Fetch: 1, Conditional: 1, Tree: 1}, w.calls(func() { sleep(time.Minute) }))
		changes := w.changes()
		require.Len(w, changes, 1)
		_, ok := changes[0].New.Secret("MORE")
		require.False(w, ok)
		require.False(w, changes[0].New.Partial)
	})
}

func TestDeletedFolderIsWatchedNoLonger(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		w.get(payments, secret.NeedProof)
		w.get(billing, secret.NeedProof)
		w.fake.Remove(dev, "payments")
		sleep(time.Minute)
		changes := w.changes()
		require.Len(w, changes, 1)
		require.Equal(w, payments, changes[0].Dir)
		require.True(w, changes[0].Deep)
		require.Nil(w, changes[0].New)
		require.Equal(w, 1, w.Stats().Watch.Folders)
	})
}

// An open file may have its copy when no snapshot is left: it must hear of the
// second revocation as well.
func TestLogoutsAreToldOneByOne(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		for range 2 {
			w.value(payments, "KEY")
			w.changes()
			sleep(3 * time.Hour) // nothing is retained
			w.fake.FailAll(secret.ErrUnauthenticated)
			w.fails(billing, secret.ErrUnauthenticated)
			require.Len(w, w.changes(), 1)
			w.fake.FailAll(nil)
			sleep(time.Minute)
		}
	})
}

// Names that are looked for in vain, and what may not be seen, are not polled.
func TestOnlyWhatWasShownIsWatched(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		w.fake.Fail(billing, secret.ErrDenied)
		w.fails(billing, secret.ErrDenied)
		w.fails(dev.Child("missing"), secret.ErrNotFound)
		w.get(projects, secret.NeedListing)
		w.get(demo, secret.NeedListing)
		require.Zero(w, w.calls(func() { sleep(time.Hour) }).All())
	})
}

func TestDenialFoundByAPoll(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		w.fake.Fail(payments, secret.ErrDenied)
		sleep(time.Minute)
		changes := w.changes()
		require.Len(w, changes, 1)
		require.ErrorIs(w, changes[0].Err, secret.ErrDenied)
		require.Zero(w, w.Stats().Snapshots)
		w.fake.Fail(payments, nil)
		sleep(time.Minute)
		changes = w.changes()
		require.Len(w, changes, 1, "a right that is given back arrives by itself")
		require.NoError(w, changes[0].Err)
		require.NotNil(w, changes[0].New)
	})
}

func TestLogoutFoundByAPoll(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		w.value(billing, "KEY")
		w.changes()
		w.fake.FailAll(secret.ErrUnauthenticated)
		calls := w.calls(func() { sleep(10 * time.Minute) })
		require.LessOrEqual(w, calls.All(), 11)
		changes := w.changes()
		require.Len(w, changes, 1, "said once")
		require.True(w, changes[0].Deep)
		require.ErrorIs(w, changes[0].Err, secret.ErrUnauthenticated)
		require.Zero(w, w.Stats().Snapshots)
		require.EqualValues(w, 1, w.Stats().Purges)
		w.fake.FailAll(nil)
		sleep(2 * time.Minute)
		require.Len(w, w.changes(), 2)
		require.Equal(w, 2, w.Stats().Snapshots)
	})
}
