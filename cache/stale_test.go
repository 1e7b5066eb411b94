package cache_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
)

func TestSoftDeadline(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		sleep(time.Minute)
		w.fake.Set(payments, "KEY", "new")
		w.fake.Delay(3 * time.Second)
		require.Equal(w, time.Second, w.took(func() {
			folder := w.get(payments, secret.NeedEntry)
			require.True(w, folder.Stale)
			s, _ := folder.Secret("KEY")
			require.Equal(w, "one", s.Value.Reveal())
		}))
		require.Empty(w, w.changes())
		sleep(2 * time.Second)
		require.Len(w, w.changes(), 1, "the answer came behind")
		require.Zero(w, w.calls(func() { require.Equal(w, "new", w.value(payments, "KEY")) }).All())
		require.False(w, w.get(payments, secret.NeedEntry).Stale)
		require.Zero(w, w.Stats().StaleSince)
	})
}

// The soft deadline counts from the request, not from each caller.
func TestSoftDeadlineOfTheFlight(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		sleep(time.Minute)
		w.fake.Delay(3 * time.Second)
		go w.entry(payments)
		sleep(700 * time.Millisecond)
		require.Equal(w, 300*time.Millisecond, w.took(func() { require.True(w, w.get(payments, secret.NeedEntry).Stale) }))
	})
}

func TestOutageShowsStaleThenTheError(t *testing.T) {
	for _, fault := range []error{secret.ErrUnavailable, secret.ErrTimeout, secret.ErrRateLimited, errors.New("bad answer")} {
		t.Run(fault.Error(), func(t *testing.T) {
			bubble(t, cache.Config{}, func(w *world) {
				w.value(payments, "KEY")
				w.fake.FailAll(fault)
				sleep(time.Minute)
				for range 15 {
					require.True(w, w.get(payments, secret.NeedEntry).Stale)
					sleep(time.Minute - 1)
				}
				require.True(w, w.get(payments, secret.NeedEntry).Stale)
				sleep(time.Minute)
				w.fails(payments, fault)
				w.fake.FailAll(nil)
				sleep(time.Second)
				require.Equal(w, "one", w.value(payments, "KEY"))
				require.False(w, w.get(payments, secret.NeedEntry).Stale)
				require.Empty(w, w.changes())
			})
		})
	}
}

func TestBackOff(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		sleep(time.Minute)
		w.fake.FailAll(secret.ErrUnavailable)
		began := time.Now()
		var asked []time.Duration
		for time.Since(began) < 2*time.Minute {
			if w.calls(func() { w.quick(func() { w.get(payments, secret.NeedEntry) }) }).All() > 0 {
				asked = append(asked, time.Since(began)/time.Second)
			}
			sleep(100 * time.Millisecond)
		}
		require.Equal(w, []time.Duration{0, 1, 3, 7, 15, 31, 61, 91}, asked)
		require.Equal(w, began, w.Stats().StaleSince)
		require.Contains(w, w.Stats().LastError.Text, "unavailable")

		w.fake.FailAll(nil)
		sleep(30 * time.Second)
		require.False(w, w.get(payments, secret.NeedEntry).Stale)
		require.Zero(w, w.Stats().StaleSince)
	})
}

// An outage is found out once, not once per folder.
func TestWalkInAnOutage(t *testing.T) {
	for name, fault := range map[string]func(w *world, on bool){
		"refusing": func(w *world, on bool) {
			if w.fake.FailAll(nil); on {
				w.fake.FailAll(secret.ErrUnavailable)
			}
		},
		"hanging": func(w *world, on bool) { w.fake.Hang(on) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, cache.Config{}, func(w *world) {
				var dirs []secret.Dir
				for i := range 1000 {
					dirs = append(dirs, dev.Child(fmt.Sprint(i)))
					w.fake.Mkdir(dirs[i])
				}
				walk := func(stale bool) {
					for _, dir := range dirs {
						require.Equal(w, stale, w.get(dir, secret.NeedListing).Stale)
					}
				}
				walk(false)
				sleep(time.Minute)
				fault(w, true)
				calls := w.calls(func() { require.LessOrEqual(w, w.took(func() { walk(true) }), time.Second) })
				require.Equal(w, 1, calls.All())
				sleep(time.Minute)
				calls = w.calls(func() {
					var wg sync.WaitGroup
					for _, dir := range dirs {
						wg.Go(func() { require.True(w, w.get(dir, secret.NeedListing).Stale) })
					}
					wg.Wait()
				})
				require.LessOrEqual(w, calls.All(), 1, "one probe at a time")

				fault(w, false)
				sleep(time.Minute)
				walk(false)
			})
		})
	}
}

func TestOneFolderFailsAlone(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Fail(payments, secret.ErrUnavailable)
		w.fails(payments, secret.ErrUnavailable)
		require.Equal(w, "two", w.value(billing, "KEY"))
	})
}

func TestColdOutageAnswersPromptly(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Inexact(true)
		w.fake.FailAll(secret.ErrUnavailable)
		calls := w.calls(func() {
			w.quick(func() {
				for range 100 {
					w.fails(payments, secret.ErrUnavailable)
					w.fails(billing, secret.ErrUnavailable)
					w.fails(dev, secret.ErrUnavailable)
				}
			})
		})
		require.Equal(w, 2, calls.All(), "two folders' failures speak for the third")
		w.fake.FailAll(nil)
		sleep(time.Second)
		require.Equal(w, "one", w.value(payments, "KEY"))
		require.Equal(w, "two", w.value(billing, "KEY"))
	})
}

func TestNoStaleAnswersIfUnwanted(t *testing.T) {
	bubble(t, cache.Config{MaxStale: -1}, func(w *world) {
		w.value(payments, "KEY")
		sleep(time.Minute)
		w.fake.FailAll(secret.ErrUnavailable)
		w.fails(payments, secret.ErrUnavailable)
	})
}

// A server may be slow about one folder (a large one) and quick about everything
// else. Whoever removes many secrets from that folder, one by one, waits for the
// folder's list once and not each time: each removal makes what is asked for worthless.
func TestASlowFolderIsNotWaitedForAgainAndAgain(t *testing.T) {
	bubble(t, cache.Config{TTL: 10 * time.Second}, func(w *world) {
		names := make([]string, 60)
		for i := range names {
			names[i] = fmt.Sprint("KEY_", i)
			w.fake.Set(payments, names[i], "v")
		}
		to := w.Writer(w.fake.Writer())
		w.get(payments, secret.NeedListing)
		sleep(10 * time.Second)
		waited, before := time.Duration(0), w.fake.Calls().All()
		for _, name := range names {
			w.fake.Delay(3 * time.Second)
			waited += w.took(func() {
				_, shown := w.get(payments, secret.NeedEntry).Secret(name)
				require.True(w, shown, name)
			})
			w.fake.Delay(0)
			must(w, to.Delete(w.Context(), payments, name))
			w.fake.Delay(3 * time.Second)
			waited += w.took(func() {
				_, shown := w.get(payments, secret.NeedEntry).Secret(name)
				require.False(w, shown, "one's own change shows at once")
			})
			sleep(100 * time.Millisecond)
		}
		require.LessOrEqual(w, waited, 2*time.Second)
		require.LessOrEqual(w, w.fake.Calls().All()-before, 2*len(names)/10, "lists; the removals are not counted")
		sleep(20 * time.Second)

		// Later it is waited for again.
		w.fake.Delay(3 * time.Second)
		require.Equal(w, time.Second, w.took(func() { require.True(w, w.get(payments, secret.NeedEntry).Stale) }))
		require.Zero(w, w.took(func() { require.True(w, w.get(payments, secret.NeedEntry).Stale) }))
		sleep(3 * time.Second)
		require.Zero(w, w.took(func() { require.False(w, w.get(payments, secret.NeedEntry).Stale) }), "and its answer counts")
	})
}
