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

func TestDenialPurgesTheFolder(t *testing.T) {
	for _, dir := range []secret.Dir{payments, demo, projects} {
		t.Run(dir.String(), func(t *testing.T) {
			bubble(t, cache.Config{}, func(w *world) {
				w.get(dir, secret.NeedProof)
				w.get(billing, secret.NeedProof)
				w.fake.Fail(dir, secret.ErrDenied)
				sleep(time.Minute)
				w.fails(dir, secret.ErrDenied)
				changes := w.changes()
				require.Len(w, changes, 1)
				require.Equal(w, dir, changes[0].Dir)
				require.False(w, changes[0].Deep)
				require.ErrorIs(w, changes[0].Err, secret.ErrDenied)
				w.fake.FailAll(secret.ErrUnavailable)
				require.True(w, w.get(billing, secret.NeedProof).Stale, "others stay")

				sleep(10 * time.Second)
				w.fails(dir, secret.ErrUnavailable) // nothing to show after a denial
				w.fake.FailAll(nil)
				w.fake.Fail(dir, nil)
				sleep(time.Second)
				w.get(dir, secret.NeedProof)
			})
		})
	}
}

func TestDenialIsRememberedForAShortTime(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Fail(payments, secret.ErrDenied)
		calls := w.calls(func() {
			for range 60 {
				w.fails(payments, secret.ErrDenied)
				sleep(time.Second)
			}
		})
		require.Equal(w, 6, calls.All())
	})
}

func TestLoggedOutPurgesEverything(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		dirs := []secret.Dir{projects, demo, dev, payments, billing}
		for _, dir := range dirs {
			w.get(dir, secret.NeedEntry)
		}
		w.fake.FailAll(secret.ErrUnauthenticated)
		calls := w.calls(func() { w.fails(dev.Child("new"), secret.ErrUnauthenticated) })
		require.Equal(w, 1, calls.All())
		changes := w.changes()
		require.Len(w, changes, 1)
		require.Equal(w, projects, changes[0].Dir)
		require.True(w, changes[0].Deep)
		require.ErrorIs(w, changes[0].Err, secret.ErrUnauthenticated)
		require.Zero(w, w.Stats().Snapshots)

		calls = w.calls(func() {
			for range 30 {
				for _, dir := range dirs {
					w.fails(dir, secret.ErrUnauthenticated)
				}
				sleep(time.Second)
			}
		})
		require.LessOrEqual(w, calls.All(), 3)

		w.fake.FailAll(nil) // logged in again
		sleep(10 * time.Second)
		for _, dir := range dirs {
			w.get(dir, secret.NeedEntry)
		}
		require.Equal(w, "one", w.value(payments, "KEY"))
	})
}

func TestManyRefusalsAreOnePurge(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.FailAll(secret.ErrUnauthenticated)
		w.fake.Delay(time.Second)
		var wg sync.WaitGroup
		for _, dir := range w.wide() {
			wg.Go(func() {
				_, err := w.Folder(w.Context(), dir, secret.NeedProof)
				require.ErrorIs(w, err, secret.ErrUnauthenticated)
			})
		}
		wg.Wait()
		require.Len(w, w.changes(), 1)
	})
}

// An answer that was on its way when everything was revoked is not shown.
func TestFlightFromBeforeThePurge(t *testing.T) {
	for name, need := range map[string]secret.Need{"fetch": secret.NeedProof, "tree": secret.NeedListing} {
		t.Run(name, func(t *testing.T) {
			bubble(t, cache.Config{}, func(w *world) {
				w.fake.Delay(3 * time.Second)
				done := make(chan error)
				go func() {
					_, err := w.Folder(w.Context(), payments, need)
					done <- err
				}()
				synctest.Wait()
				w.fake.Delay(0)
				w.fake.FailAll(secret.ErrUnauthenticated)
				w.fails(demo, secret.ErrUnauthenticated)
				require.ErrorIs(w, <-done, secret.ErrUnauthenticated)
				w.fails(payments, secret.ErrUnauthenticated)
				require.Zero(w, w.Stats().Snapshots)
			})
		})
	}
}

// The same for one folder: a bulk answer from before its denial leaves it out.
func TestTreeFromBeforeADenial(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Delay(3 * time.Second)
		go w.Folder(w.Context(), dev, secret.NeedListing)
		synctest.Wait()
		w.fake.Delay(0)
		w.fake.Fail(payments, secret.ErrDenied)
		_, err := w.Folder(w.Context(), payments, secret.NeedProof)
		require.ErrorIs(w, err, secret.ErrDenied)
		sleep(11 * time.Second) // the denial is no longer remembered
		w.fake.FailAll(secret.ErrUnavailable)
		require.Equal(w, "two", w.value(billing, "KEY"), "the others arrived")
		w.fails(payments, secret.ErrUnavailable)
	})
}

// A caller who waits behind a purge is served by a request from after it.
func TestFlightFromBeforeAPurgeThatIsOver(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Delay(20 * time.Second)
		value := make(chan string)
		go func() { value <- w.value(payments, "KEY") }()
		synctest.Wait()
		w.fake.Delay(0)
		w.fake.FailAll(secret.ErrUnauthenticated)
		w.fails(billing, secret.ErrUnauthenticated)
		w.fake.FailAll(nil)
		sleep(11 * time.Second)
		require.Equal(w, "two", w.value(billing, "KEY"))
		w.fake.Set(payments, "KEY", "new")
		require.Equal(w, "new", <-value)
	})
}

func TestStaleCopyIsNotShownAfterADenialThatCameLate(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		w.value(billing, "KEY")
		sleep(time.Minute)
		w.fake.Delay(900 * time.Millisecond)
		w.fake.Fail(payments, secret.ErrUnauthenticated)
		go w.entry(payments)
		sleep(500 * time.Millisecond)
		w.fake.Delay(time.Hour)
		// Its soft deadline passes at 1.5 s, after the purge at 0.9 s.
		_, err := w.Folder(timeout(w, time.Minute), billing, secret.NeedEntry)
		require.ErrorIs(w, err, secret.ErrUnauthenticated)
	})
}
