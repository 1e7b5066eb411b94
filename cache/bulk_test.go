package cache_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

func TestWalkIsOneTree(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		dirs := w.wide()
		walk := func() {
			w.get(dev, secret.NeedListing)
			for _, dir := range dirs {
				w.get(dir, secret.NeedListing)
				w.value(dir, "KEY")
			}
		}
		for range 3 {
			require.Equal(w, secrettest.Calls{Tree: 1}, w.calls(walk))
			require.Empty(w, w.changes())
			sleep(time.Minute)
		}
	})
}

func TestParallelWalk(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Delay(time.Second)
		dirs := w.wide()
		calls := w.calls(func() {
			var wg sync.WaitGroup
			for _, dir := range dirs {
				wg.Go(func() { w.get(dir, secret.NeedListing) })
			}
			require.Equal(w, time.Second, w.took(wg.Wait))
		})
		require.Equal(w, secrettest.Calls{Tree: 2}, calls, "the second one is for all")
	})
}

func TestGlobOverFolders(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		calls := w.calls(func() {
			for _, dir := range w.wide() {
				w.value(dir, "KEY")
			}
		})
		require.Equal(w, secrettest.Calls{Fetch: 1, Tree: 1}, calls)
	})
}

func TestSingleCatIsNoWalk(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		deep := payments.Child("eu").Child("bank")
		w.fake.Set(deep, "KEY", "value")
		calls := w.calls(func() { // as the kernel looks up a path
			w.get(dev, secret.NeedEntry)
			w.get(payments, secret.NeedEntry)
			w.get(payments.Child("eu"), secret.NeedEntry)
			w.value(deep, "KEY")
		})
		require.Equal(w, secrettest.Calls{Fetch: 4}, calls)
		require.Equal(w, 1, w.calls(func() { sleep(time.Minute); w.value(deep, "KEY") }).Conditional)
	})
}

func TestCommonAncestor(t *testing.T) {
	bubble(t, cache.Config{Root: payments}, func(w *world) {
		a, b := payments.Child("a").Child("x"), payments.Child("a").Child("y")
		w.fake.Mkdir(a)
		w.fake.Mkdir(b)
		w.get(a, secret.NeedEntry)
		w.get(b, secret.NeedEntry)
		requests := w.fake.Requests()
		require.Equal(w, payments.Child("a"), requests[len(requests)-1].Dir)
		w.get(payments.Child("a"), secret.NeedListing)
		w.get(payments, secret.NeedListing)
		w.get(billing, secret.NeedListing) // outside: nobody should, but it works
		for _, r := range w.fake.Requests() {
			require.True(w, r.Kind == secrettest.KindFetch || payments.Contains(r.Dir), "asked for %s, above the mount's root", r.Dir)
		}
	})
}

func TestMissLongAfterAnotherIsNoWalk(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.value(payments, "KEY")
		sleep(time.Minute)
		require.Equal(w, secrettest.Calls{Fetch: 1}, w.calls(func() { w.value(billing, "KEY") }))
	})
}

func TestInexactEnvironment(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Inexact(true)
		dirs := w.wide()
		walk := func() {
			for _, dir := range dirs {
				w.get(dir, secret.NeedListing)
			}
		}
		require.Equal(w, secrettest.Calls{Fetch: 100, Tree: 1}, w.calls(walk))
		for range 14 {
			sleep(time.Minute)
			require.Zero(w, w.calls(walk).Tree)
		}
		sleep(time.Minute)
		require.Equal(w, 1, w.calls(walk).Tree)
	})
}

func TestProjectsAndEnvironmentsAreOneTree(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		other := secret.Dir{Project: "other"}
		w.fake.Mkdir(other.Child("prod"))
		require.Equal(w, secrettest.Calls{Tree: 1}, w.calls(func() {
			w.get(projects, secret.NeedEntry)
			w.get(demo, secret.NeedListing)
			w.get(other, secret.NeedEntry)
		}))
		require.Equal(w, secrettest.Calls{Fetch: 1}, w.calls(func() { w.get(projects, secret.NeedProof) }))
		w.Expire()
		w.fake.Inexact(true)
		calls := w.calls(func() {
			w.get(demo, secret.NeedEntry)
			w.get(other, secret.NeedEntry)
		})
		require.Equal(w, 1, calls.Tree)
		require.Equal(w, 2, calls.Fetch)
	})
}

func TestProjectAsRootNeedsNoTree(t *testing.T) {
	bubble(t, cache.Config{Root: demo}, func(w *world) {
		require.Equal(w, secrettest.Calls{Fetch: 1}, w.calls(func() { w.get(demo, secret.NeedListing) }))
	})
}

func TestTreeDoesNotReplaceAFreshOwnListing(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		own := w.get(payments, secret.NeedProof)
		w.fake.Set(payments, "KEY", "new")
		w.get(dev, secret.NeedListing)
		require.Same(w, own, w.get(payments, secret.NeedListing))
		require.Empty(w, w.changes())
	})
}

// A name that a bulk answer lacks is gone only if the folder's own list says so.
func TestTreeProvesNoAbsence(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Set(payments, "MORE", "more")
		c := cache.New(&leavesOut{w.fake, "MORE"}, cache.Config{Watch: cache.WatchOff})
		defer c.Close()
		_, err := c.Folder(w.Context(), payments, secret.NeedProof)
		require.NoError(w, err)
		sleep(time.Minute)
		_, err = c.Folder(w.Context(), dev, secret.NeedListing)
		require.NoError(w, err)
		folder, err := c.Folder(w.Context(), payments, secret.NeedListing)
		require.NoError(w, err)
		_, ok := folder.Secret("MORE")
		require.True(w, ok)
		require.False(w, folder.Stale)
	})
}

func TestFolderThatATreeLacksIsAskedFor(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.Fail(payments, secret.ErrDenied) // trees leave it out
		w.get(dev, secret.NeedListing)
		w.fake.Fail(payments, nil)
		require.Equal(w, secrettest.Calls{Fetch: 1}, w.calls(func() { w.value(payments, "KEY") }))
		missing := dev.Child("missing")
		require.Equal(w, secrettest.Calls{Fetch: 1}, w.calls(func() { w.fails(missing, secret.ErrNotFound) }))
	})
}

func TestTreeWithoutSubfolders(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.NoSubfolders(true)
		calls := w.calls(func() {
			listed := w.get(dev, secret.NeedListing)
			require.Len(w, listed.Folders, 2)
			require.True(w, listed.Partial)
			w.value(payments, "KEY") // an entry needs no list of folders
		})
		require.Equal(w, secrettest.Calls{Fetch: 1, Conditional: 1, Tree: 1}, calls)
		sleep(59 * time.Second)
		fetched := w.get(billing, secret.NeedListing).Fetched
		require.Equal(w, 59*time.Second, time.Since(fetched), "its secrets are no younger for it")
		require.False(w, w.get(payments, secret.NeedProof).Partial)
		require.Empty(w, w.changes())
	})
}

func TestTreeDoesNotForgetSubfolders(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.NoSubfolders(true)
		w.fake.Mkdir(payments.Child("eu"))
		w.get(payments, secret.NeedListing)
		w.get(dev, secret.NeedListing)
		require.Equal(w, 2, w.fake.Calls().Tree)
		require.Zero(w, w.calls(func() { require.Len(w, w.get(payments, secret.NeedListing).Folders, 1) }).All())
	})
}

// Subfolders that take long to come do not make old secrets young.
func TestSubfoldersThatComeLate(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		w.fake.NoSubfolders(true)
		w.get(dev, secret.NeedListing)
		sleep(time.Minute - 300*time.Millisecond)
		w.fake.Set(payments, "KEY", "new")
		w.fake.Delay(500 * time.Millisecond)
		s, _ := w.get(payments, secret.NeedListing).Secret("KEY")
		require.Equal(w, "new", s.Value.Reveal())
	})
}

func TestTreeThatTakesTooLong(t *testing.T) {
	bubble(t, cache.Config{}, func(w *world) {
		up := &treeFails{w.fake, secret.ErrTimeout}
		c := cache.New(up, cache.Config{Watch: cache.WatchOff})
		defer c.Close()
		_, err := c.Folder(w.Context(), dev, secret.NeedListing)
		require.ErrorIs(w, err, secret.ErrTimeout)
		sleep(time.Second)
		_, err = c.Folder(w.Context(), dev, secret.NeedListing)
		require.NoError(w, err, "folder by folder it works")
	})
}

// A bulk answer that was long on its way is older than what a folder's own request
// has brought meanwhile, however soon that counts as stale.
func TestALateTreeIsOlderThanAFoldersOwnAnswer(t *testing.T) {
	bubble(t, cache.Config{TTL: time.Second}, func(w *world) {
		dirs := w.wide()
		dir := dirs[0]
		w.fake.Delay(5 * time.Second)
		var walk sync.WaitGroup
		walk.Go(func() { w.get(dev, secret.NeedListing) }) // decided now, and seen in five seconds
		sleep(time.Second)
		w.fake.Delay(0)
		w.fake.Set(dir, "KEY", "newer")
		proof := w.get(dir, secret.NeedProof)
		s, _ := proof.Secret("KEY")
		require.Equal(w, "newer", s.Value.Reveal())
		walk.Wait()
		require.Empty(w, w.changes(), "what nobody has changed back")
	})
}
