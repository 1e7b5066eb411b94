package cache_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

func TestFreshMakesNoRequest(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		require.Equal(w, 1, w.calls(func() { w.get(payments, secret.NeedEntry) }).Fetch)
		w.fake.Hang(true)
		require.Zero(w, w.calls(func() {
			sleep(time.Minute - 1)
			for _, need := range []secret.Need{secret.NeedEntry, secret.NeedListing, secret.NeedProof} {
				require.False(w, w.get(payments, need).Stale)
			}
		}).All())
		require.EqualValues(w, 3, w.Stats().Hits)
	})
}

// What is at hand is told without a request, whatever the server does, and nothing else is.
func TestAtHand(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		require.Nil(w, w.Fresh(payments, secret.NeedListing))
		w.get(payments, secret.NeedListing)
		part := w.Part(payments, time.Minute/2, 0)
		w.fake.Hang(true)
		require.Zero(w, w.calls(func() {
			require.Equal(w, payments, w.Fresh(payments, secret.NeedListing).Dir)
			require.Equal(w, payments, part.Fresh(payments, secret.NeedListing).Dir)
			require.Nil(w, part.Fresh(billing, secret.NeedListing))
			sleep(time.Minute / 2)
			require.Nil(w, part.Fresh(payments, secret.NeedListing), "too old for the part")
			require.NotNil(w, w.Fresh(payments, secret.NeedListing))
			sleep(time.Minute / 2)
			require.Nil(w, w.Fresh(payments, secret.NeedListing), "stale")
		}).All())
		w.fake.Hang(false)
		w.fake.FailAll(secret.ErrDenied)
		w.fails(payments, secret.ErrDenied)
		require.Nil(w, w.Fresh(payments, secret.NeedListing), "denied")
		part.Close()
		require.Nil(w, part.Fresh(payments, secret.NeedListing))
	})
}

func TestRevalidation(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		first := w.get(payments, secret.NeedEntry)
		sleep(time.Minute)
		var second *secret.Folder
		calls := w.calls(func() { second = w.get(payments, secret.NeedEntry) })
		require.Equal(w, 1, calls.Conditional)
		require.Equal(w, 1, calls.All())
		require.Equal(w, first.Answered, second.Answered)
		require.Equal(w, time.Now(), second.Fetched)
		require.Empty(w, w.changes())
		require.Zero(w, w.calls(func() { w.get(payments, secret.NeedEntry) }).All())
	})
}

func TestNotModifiedIsTrustedForAWhile(t *testing.T) {
	bubble(t, cache.Config{TrustNotModified: 5 * time.Minute}, func(w *world) {
		var full []int
		for minute := range 14 {
			if calls := w.calls(func() { w.get(payments, secret.NeedEntry) }); calls.Conditional == 0 {
				full = append(full, minute)
			}
			sleep(time.Minute)
		}
		require.Equal(w, []int{0, 6, 12}, full)
	})
}

func TestChangeIsNews(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.get(payments, secret.NeedEntry)
		require.Empty(w, w.changes(), "the first sight is none")
		for name, c := range map[string]struct {
			where string
			alter func()
		}{
			"value":   {"KEY", func() { w.fake.Set(payments, "KEY", "other") }},
			"secret":  {"MORE", func() { w.fake.Set(payments, "MORE", "") }},
			"folder":  {"eu", func() { w.fake.Mkdir(payments.Child("eu")) }},
			"gone":    {"MORE", func() { w.fake.Remove(payments, "MORE") }},
			"rmdir":   {"eu", func() { w.fake.Remove(payments, "eu") }},
			"version": {"KEY", func() { w.fake.Set(payments, "KEY", "other") }},
			"hidden":  {"KEY", func() { w.fake.Put(payments, secret.Secret{Name: "KEY", Hidden: true}) }},
		} {
			old := w.get(payments, secret.NeedEntry)
			c.alter()
			sleep(time.Minute)
			next := w.get(payments, secret.NeedEntry)
			if changes := w.changes(); name != "gone" && name != "rmdir" || len(changes) > 0 {
				require.Len(w, changes, 1, name)
				require.Equal(w, secret.Change{Dir: payments, Old: old, New: next, Names: []string{c.where}}, changes[0], name)
			}
		}
	})
}

func TestDatesAloneAreNoChange(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		s := secret.Secret{Name: "KEY", ID: "1", Version: 1, Value: secret.NewValue("one"), Updated: time.Now()}
		w.fake.Put(payments, s)
		w.get(payments, secret.NeedEntry)
		sleep(time.Minute)
		s.Updated = time.Now()
		w.fake.Put(payments, s)
		got, _ := w.get(payments, secret.NeedEntry).Secret("KEY")
		require.Equal(w, s.Updated, got.Updated, "published all the same")
		require.Empty(w, w.changes())
	})
}

// Servers send imports without dates; a file's mtime must move with its value.
func TestImportKeepsItsDate(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		s := secret.Secret{Name: "IMPORTED", ID: "9", Version: 1, Value: secret.NewValue("a"), Import: &billing}
		w.fake.Put(payments, s)
		date := func() time.Time {
			got, _ := w.get(payments, secret.NeedEntry).Secret("IMPORTED")
			return got.Updated
		}
		first := time.Now()
		require.Equal(w, first, date())
		for range 3 {
			sleep(time.Minute)
			w.fake.Set(payments, "KEY", "touch") // so that it is answered in full
			require.Equal(w, first, date())
		}
		sleep(time.Minute)
		s.Version, s.Value = 2, secret.NewValue("b")
		w.fake.Put(payments, s)
		require.Equal(w, time.Now(), date())
	})
}

func TestExpireAsksAgain(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Fail(billing, secret.ErrDenied)
		w.fails(billing, secret.ErrDenied)
		w.value(payments, "KEY")
		w.fails(dev.Child("missing"), secret.ErrNotFound)

		w.fake.Set(payments, "KEY", "new")
		w.fake.Set(dev.Child("missing"), "KEY", "found")
		w.fake.Fail(billing, nil)
		w.Expire()
		require.Equal(w, "new", w.value(payments, "KEY"))
		require.Equal(w, "found", w.value(dev.Child("missing"), "KEY"))
		require.Equal(w, "two", w.value(billing, "KEY"))
	})
}

func TestExpireDropsNothing(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		w.fake.FailAll(secret.ErrUnavailable)
		w.Expire()
		require.True(w, w.get(payments, secret.NeedEntry).Stale)
	})
}

// Who calls after Expire must not get an answer that was on its way before.
func TestExpireDuringAFlight(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Delay(time.Second / 2)
		go w.entry(payments)
		sleep(time.Millisecond)
		w.fake.Set(payments, "KEY", "new")
		w.Expire()
		require.Equal(w, "new", w.value(payments, "KEY"))
	})
}

func TestExpireDuringAnAbsence(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		missing := dev.Child("missing")
		w.fake.Delay(time.Second)
		go w.entry(missing)
		sleep(time.Millisecond)
		w.fake.Set(missing, "KEY", "found")
		w.Expire()
		sleep(3 * time.Second)
		require.Equal(w, "found", w.value(missing, "KEY"))
	})
}

func TestExpireEndsTheBackOff(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		w.fake.FailAll(secret.ErrUnavailable)
		sleep(2 * time.Minute)
		require.True(w, w.get(payments, secret.NeedEntry).Stale)
		w.fails(billing, secret.ErrUnavailable)
		w.fake.FailAll(nil)
		w.Expire()
		require.False(w, w.get(payments, secret.NeedEntry).Stale)
		require.Equal(w, "two", w.value(billing, "KEY"))
		w.get(dev, secret.NeedProof) // which both failures spoke for
	})
}

func TestExpireDuringATree(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		dirs := w.wide()
		w.fake.Delay(time.Second / 2)
		go w.Folder(w.Context(), dev, secret.NeedListing)
		sleep(time.Millisecond)
		w.Expire()
		sleep(2 * time.Second)
		w.fake.Delay(0)
		calls := w.calls(func() {
			for _, dir := range dirs {
				w.get(dir, secret.NeedListing)
			}
		})
		require.Equal(w, secrettest.Calls{Tree: 2}, calls, "the first one's answer is no reason not to ask in bulk")
	})
}
