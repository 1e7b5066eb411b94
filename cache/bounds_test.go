package cache_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
)

func TestBytesAreBounded(t *testing.T) {
	const limit = 1 << 20
	bubble(t, cache.Config{MaxBytes: limit}, func(w *world) {
		for _, dir := range w.wide() {
			w.fake.Set(dir, "BIG", strings.Repeat("x", 50_000))
		}
		for i := range 100 {
			dir := dev.Child(fmt.Sprintf("folder-%02d", i))
			w.get(payments, secret.NeedProof) // used all the time
			w.get(dir, secret.NeedProof)
			require.LessOrEqual(w, w.Stats().Bytes, int64(limit))
		}
		require.Greater(w, w.Stats().Snapshots, 15)
		requests := w.fake.Requests()
		require.Len(w, requests, 101, "the one in use was kept")
		require.Zero(w, w.calls(func() { w.get(dev.Child("folder-99"), secret.NeedProof) }).All())
		require.Equal(w, 1, w.calls(func() { w.get(dev.Child("folder-00"), secret.NeedProof) }).All())
	})
}

func TestAbsencesAreBounded(t *testing.T) {
	const limit = 1 << 20
	bubble(t, cache.Config{MaxBytes: limit}, func(w *world) {
		for i := range 5000 {
			w.fails(dev.Child(fmt.Sprint("missing-", i)), secret.ErrNotFound)
		}
		require.LessOrEqual(w, w.Stats().Bytes, int64(limit))
		require.Less(w, w.Stats().Entries, 2000)
	})
}

func TestEntriesAreBounded(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		for i := range 60_000 {
			_, err := w.entry(secret.Dir{Project: "p", Env: fmt.Sprint(i), Path: "/"})
			if !errors.Is(err, secret.ErrNotFound) {
				w.Fatal(err)
			}
		}
		require.Equal(w, 50_000, w.Stats().Entries)
	})
}

func TestUnusedSnapshotsAreDropped(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		sleep(5 * time.Minute)
		w.value(billing, "KEY")
		calls := w.calls(func() {
			sleep(10*time.Minute - 1)
			require.Equal(w, 2, w.Stats().Snapshots)
			sleep(1)
			synctest.Wait()
			require.Equal(w, 1, w.Stats().Snapshots)
			sleep(5 * time.Minute)
			synctest.Wait()
			require.Zero(w, w.Stats().Entries)
			require.Zero(w, w.Stats().Bytes)
			sleep(24 * time.Hour)
		})
		require.Zero(w, calls.All(), "idle means idle")
		require.Empty(w, w.changes())
		require.Equal(w, "one", w.value(payments, "KEY"))
	})
}

func TestStatsShowNoValue(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Set(payments, "KEY", "fake-and-secret")
		w.value(payments, "KEY")
		w.fake.FailAll(secret.ErrUnavailable)
		sleep(time.Minute)
		w.value(payments, "KEY")
		stats := w.Stats()
		require.Equal(w, "/demo/dev/payments", stats.LastError.Dir)
		require.Equal(w, "fetch", stats.LastError.Op)
		require.Equal(w, int64(1), stats.Stale)
		require.NotContains(w, fmt.Sprintf("%+v %+v", stats, *stats.LastError), "fake-and-secret")
	})
}

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
