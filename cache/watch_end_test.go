package cache_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
)

// What is held from outside counts as used, hour by hour.
func TestHeldFolderIsWatchedOn(t *testing.T) {
	var mu sync.Mutex // guards held and asked
	held, asked := true, 0
	cfg := cache.Config{Held: func(dir secret.Dir) bool {
		time.Sleep(time.Second) // it may be slow
		mu.Lock()
		defer mu.Unlock()
		if dir == payments {
			asked++
		}
		return dir == payments && held
	}}
	watching(t, cfg, func(w *world) {
		w.get(payments, secret.NeedProof)
		w.get(billing, secret.NeedProof)
		sleep(5 * time.Hour)
		synctest.Wait()
		require.Equal(w, 4, asked)
		require.Equal(w, 1, w.Stats().Snapshots)
		w.fake.Set(payments, "KEY", "new")
		sleep(time.Minute)
		require.Len(w, w.changes(), 1)

		mu.Lock()
		held = false
		mu.Unlock()
		sleep(time.Hour)
		synctest.Wait()
		require.Zero(w, w.Stats().Entries)
		require.Zero(w, w.calls(func() { sleep(24 * time.Hour) }).All())
	})
}

// A folder that is used while its holder is being asked stays, whatever the answer.
func TestUsedWhileItsHolderIsAsked(t *testing.T) {
	cfg := cache.Config{Held: func(secret.Dir) bool { time.Sleep(10 * time.Second); return false }}
	watching(t, cfg, func(w *world) {
		w.value(payments, "KEY")
		sleep(time.Hour + time.Second)
		w.value(payments, "KEY")
		sleep(time.Minute)
		require.Equal(w, 1, w.Stats().Watch.Folders)
		sleep(time.Hour - time.Minute)
		w.Close() // while it is asked again
		sleep(10 * time.Second)
	})
}

// Watched folders are dropped for want of memory like others.
func TestWatchIsBounded(t *testing.T) {
	const limit = 20_000
	watching(t, cache.Config{MaxBytes: limit}, func(w *world) {
		for _, dir := range w.wide() {
			w.get(dir, secret.NeedProof)
		}
		for range 50 {
			sleep(time.Minute)
			require.LessOrEqual(w, w.Stats().Bytes, int64(limit))
			require.Equal(w, w.Stats().Snapshots, w.Stats().Watch.Folders)
		}
		require.NotZero(w, w.Stats().Watch.Folders)
	})
}

func TestWatchEndsAnHourAfterTheLastUse(t *testing.T) {
	watching(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		sleep(30 * time.Minute)
		w.value(payments, "KEY")
		calls := w.calls(func() { sleep(time.Hour - 1) })
		require.InDelta(w, 63, calls.All(), 3)
		require.Equal(w, 1, w.Stats().Watch.Folders)
		require.Equal(w, 1, w.Stats().Snapshots)
		sleep(1)
		calls = w.calls(func() { sleep(24 * time.Hour) })
		require.Zero(w, calls.All(), "idle means idle")
		require.Zero(w, w.Stats().Watch.Folders)
		require.Zero(w, w.Stats().Entries)
		w.fake.Set(payments, "KEY", "new")
		w.value(payments, "KEY")
		require.NotZero(w, w.calls(func() { sleep(time.Hour) }).All(), "and begins again")
	})
}

func TestWatchOff(t *testing.T) {
	watching(t, cache.Config{Watch: cache.WatchOff, Held: func(secret.Dir) bool { panic("not to be asked") }}, func(w *world) {
		w.get(dev, secret.NeedListing)
		w.value(payments, "KEY")
		require.Zero(w, w.calls(func() { sleep(24 * time.Hour) }).All())
		require.Zero(w, w.Stats().Entries)
	})
}

func TestWatchAlways(t *testing.T) {
	watching(t, cache.Config{Watch: cache.WatchAlways, WatchInterval: 10 * time.Minute}, func(w *world) {
		w.value(payments, "KEY")
		calls := w.calls(func() { sleep(7 * 24 * time.Hour) })
		require.InDelta(w, 7*24*6, calls.All(), 7*24)
		w.fake.Set(payments, "KEY", "new")
		sleep(10 * time.Minute)
		require.Len(w, w.changes(), 1)
	})
}
