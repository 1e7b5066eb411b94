package cache_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
)

// next goes on with what w knows, over the same server, as another process does.
func (w *world) next(cfg cache.Config) *world {
	w.Helper()
	if cfg.Watch == "" {
		cfg.Watch = cache.WatchOff
	}
	n := &world{T: w.T, fake: w.fake}
	cfg.OnChange = func(change secret.Change) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.told = append(n.told, change)
	}
	n.Cache = cache.New(w.fake, cfg)
	w.Cleanup(n.Close)
	list := w.Export()
	w.Close()
	n.Import(list)
	return n
}

// What is known is shown by the next cache for exactly as long as by the one before.
func TestKnownAgesOn(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		sleep(3 * time.Second)
		n := w.next(cache.Config{})
		defer n.Close()
		require.Zero(w, n.calls(func() {
			sleep(57*time.Second - 1)
			require.Equal(w, "one", n.value(payments, "KEY"))
			require.False(w, n.get(payments, secret.NeedProof).Stale)
		}).All())
		w.fake.FailAll(secret.ErrUnavailable)
		sleep(1)
		require.True(w, n.get(payments, secret.NeedEntry).Stale, "a minute old")
		sleep(15*time.Minute - 1)
		require.Equal(w, "one", n.value(payments, "KEY"))
		sleep(1)
		n.fails(payments, secret.ErrUnavailable)
		require.Empty(w, n.changes())
	})
}

// In an outage the next cache shows what is known; after it, it asks, and tells of what
// is different.
func TestKnownInAnOutage(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		w.get(projects, secret.NeedListing)
		sleep(2 * time.Minute)
		w.fake.FailAll(secret.ErrUnavailable)
		n := w.next(cache.Config{})
		defer n.Close()
		require.True(w, n.Knows(payments))
		require.False(w, n.Knows(billing))
		n.quick(func() { require.Equal(w, "one", n.value(payments, "KEY")) })
		require.NotEmpty(w, n.get(projects, secret.NeedListing).Folders)
		n.fails(billing, secret.ErrUnavailable)
		w.fake.FailAll(nil)
		w.fake.Set(payments, "KEY", "new")
		sleep(time.Minute)
		require.Equal(w, "new", n.value(payments, "KEY"))
		require.Len(w, n.changes(), 1)
	})
}

// The next cache asks conditionally, and in full as soon as the one before would have.
func TestKnownIsConfirmed(t *testing.T) {
	bubble(t, cache.Config{TrustNotModified: 5 * time.Minute}, func(w *world) {
		w.value(payments, "KEY")
		sleep(time.Minute)
		n := w.next(cache.Config{TrustNotModified: 5 * time.Minute})
		defer n.Close()
		require.Equal(w, 1, n.calls(func() { n.value(payments, "KEY") }).Conditional)
		sleep(5 * time.Minute)
		calls := n.calls(func() { n.value(payments, "KEY") })
		require.Equal(w, 1, calls.Fetch)
		require.Zero(w, calls.Conditional)
	})
}

// A refusal takes everything that came from before as it takes what was asked for here.
func TestKnownIsPurged(t *testing.T) {
	for name, fault := range map[string]error{"login": secret.ErrUnauthenticated, "folder": secret.ErrDenied} {
		t.Run(name, func(t *testing.T) {
			bubble(t, cache.Config{}, func(w *world) {
				w.value(payments, "KEY")
				w.value(billing, "KEY")
				n := w.next(cache.Config{})
				defer n.Close()
				w.fake.Fail(payments, fault)
				sleep(time.Minute)
				n.fails(payments, fault)
				w.fake.FailAll(secret.ErrUnavailable)
				sleep(time.Minute)
				n.fails(payments, secret.ErrUnavailable)
				require.False(w, n.Knows(payments))
				require.Equal(w, fault == secret.ErrDenied, n.Knows(billing))
				require.NotEmpty(w, n.changes())
			})
		})
	}
}

// The server can be asked whether the next login is good, however fresh all is.
func TestKnownLogin(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		w.value(billing, "KEY")
		n := w.next(cache.Config{})
		defer n.Close()
		w.fake.FailAll(secret.ErrUnavailable)
		require.ErrorIs(w, n.Confirm(w.Context(), payments), secret.ErrUnavailable)
		require.Equal(w, "one", n.value(payments, "KEY"))
		w.fake.FailAll(nil)
		sleep(30 * time.Second)
		require.NoError(w, n.Confirm(w.Context(), payments))
		require.Equal(w, time.Now(), n.get(payments, secret.NeedEntry).Fetched)
		w.fake.FailAll(secret.ErrUnauthenticated)
		require.ErrorIs(w, n.Confirm(w.Context(), payments), secret.ErrUnauthenticated)
		n.fails(billing, secret.ErrUnauthenticated)
		n.Close()
		require.ErrorIs(w, n.Confirm(w.Context(), payments), secret.ErrUnavailable)
	})
}

// What the one before may not show, it does not hand on: what was denied, what does not
// exist, what is older than MaxStale allows, and what only one person is shown.
func TestKnownLeavesOut(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Put(billing, secret.Secret{Name: "MINE", Value: secret.NewValue("my own"), Personal: true})
		w.value(billing, "MINE")
		w.value(payments, "KEY")
		w.value(dev, "GREETING")
		_, err := w.entry(dev.Child("none"))
		require.ErrorIs(w, err, secret.ErrNotFound)
		require.Len(w, w.Export(), 2)
		w.fake.Fail(payments, secret.ErrDenied)
		sleep(time.Minute)
		w.fails(payments, secret.ErrDenied)
		list := w.Export()
		require.Len(w, list, 1)
		require.Equal(w, dev, list[0].Folder.Dir)
		sleep(15 * time.Minute)
		require.Empty(w, w.Export())
		w.value(dev, "GREETING")
		require.NotEmpty(w, w.Export())
		w.fake.FailAll(secret.ErrUnauthenticated)
		sleep(time.Minute)
		w.fails(dev, secret.ErrUnauthenticated)
		require.Empty(w, w.Export())
	})
}

// A cache that has been refused, or closed, takes nothing in.
func TestKnownIsNotForWhoIsRefused(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		list := w.Export()
		n := cache.New(w.fake, cache.Config{Watch: cache.WatchOff})
		defer n.Close()
		w.fake.Fail(billing, secret.ErrUnauthenticated)
		_, err := n.Folder(w.Context(), billing, secret.NeedEntry)
		require.ErrorIs(w, err, secret.ErrUnauthenticated)
		require.Zero(w, n.Import(list))
		require.False(w, n.Knows(payments))
		n.Close()
		require.Zero(w, n.Import(list))
		require.Empty(w, n.Export())
	})
}

// A cache that has asked in bulk takes from the one before what does not exist, as nothing else
// is different; not once that is too old to be believed, or was said of something else.
func TestKnownAbsences(t *testing.T) {
	for name, row := range map[string]struct {
		between func(w *world)
		taken   bool
	}{
		"the same": {func(*world) {}, true},
		"too old":  {func(*world) { sleep(time.Minute) }, false},
		"changed":  {func(w *world) { w.fake.Set(payments, "KEY", "new") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, cache.Config{}, func(w *world) {
				w.get(payments, secret.NeedProof)
				row.between(w)
				n := &world{T: w.T, fake: w.fake, Cache: cache.New(w.fake, cache.Config{Watch: cache.WatchOff})}
				defer n.Close()
				require.True(w, n.get(dev, secret.NeedListing).Partial)
				require.True(w, n.get(payments, secret.NeedListing).Partial)
				list := w.Export()
				n.Import(list)
				w.fake.FailAll(secret.ErrUnavailable)
				snap, err := n.Folder(w.Context(), payments, secret.NeedProof)
				if row.taken {
					require.NoError(w, err)
					require.False(w, snap.Partial)
				} else {
					require.ErrorIs(w, err, secret.ErrUnavailable)
				}
			})
		})
	}
}

// What two caches know of one folder differently the server is asked about, as it may have
// been changed through the one meanwhile; what is the same stays fresh.
func TestKnownByBoth(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		w.value(billing, "KEY")
		n := &world{T: w.T, fake: w.fake, Cache: cache.New(w.fake, cache.Config{Watch: cache.WatchOff})}
		defer n.Close()
		n.value(payments, "KEY")
		n.value(billing, "KEY")
		_, err := w.Writer(w.fake.Writer()).Update(w.Context(), billing, "KEY", secret.NewValue("three"))
		require.NoError(w, err)
		require.Zero(w, n.Import(w.Export()))
		require.Zero(w, n.calls(func() { n.value(payments, "KEY") }).All())
		require.Equal(w, "three", n.value(billing, "KEY"))
	})
}

// What was changed here and not asked for again is as doubtful in the next cache.
func TestKnownAndDoubtful(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		w.value(billing, "KEY")
		w.Expire()
		w.value(billing, "KEY")
		n := w.next(cache.Config{})
		defer n.Close()
		require.Zero(w, n.calls(func() { n.value(billing, "KEY") }).All())
		require.Equal(w, 1, n.calls(func() { n.value(payments, "KEY") }).All())
	})
}

// What is watched is watched on, at its time, and what nobody uses any more goes at its
// time.
func TestKnownIsWatchedOn(t *testing.T) {
	bubble(t, cache.Config{Watch: cache.WatchUsed}, func(w *world) {
		w.value(payments, "KEY")
		sleep(30 * time.Second)
		w.fake.Set(payments, "KEY", "new")
		n := w.next(cache.Config{Watch: cache.WatchUsed})
		defer n.Close()
		sleep(40 * time.Second)
		require.Len(w, n.changes(), 1)
		require.Equal(w, 1, n.Stats().Watch.Folders)
		sleep(time.Hour)
		require.Zero(w, n.Stats().Watch.Folders)
		require.Zero(w, n.Stats().Entries)
	})
	bubble(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		sleep(10 * time.Minute)
		n := w.next(cache.Config{})
		defer n.Close()
		require.Equal(w, 1, n.Stats().Entries)
		sleep(6 * time.Minute)
		synctest.Wait()
		require.Zero(w, n.Stats().Entries)
	})
}

// The bounds of the next cache hold: what was used last is kept.
func TestKnownIsBounded(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		dirs := w.wide()
		for _, dir := range dirs {
			w.value(dir, "KEY")
			sleep(time.Millisecond)
		}
		n := cache.New(w.fake, cache.Config{Watch: cache.WatchOff, MaxBytes: 20 << 10})
		defer n.Close()
		taken := n.Import(w.Export())
		require.Less(w, taken, 30)
		require.Equal(w, taken, n.Stats().Snapshots)
		require.LessOrEqual(w, n.Stats().Bytes, int64(20<<10))
		require.True(w, n.Knows(dirs[99]))
		require.False(w, n.Knows(dirs[0]))
	})
}
