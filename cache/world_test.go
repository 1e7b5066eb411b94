package cache_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

var (
	projects = secret.Dir{}
	demo     = secret.Dir{Project: "demo"}
	dev      = secret.Dir{Project: "demo", Env: "dev", Path: "/"}
	payments = dev.Child("payments")
	billing  = dev.Child("billing")
)

// world is a Cache over a Fake inside a bubble, and the changes it told.
type world struct {
	*testing.T
	*cache.Cache
	fake *secrettest.Fake

	mu   sync.Mutex // guards what follows
	told []secret.Change
}

// bubble runs test with a server that has demo/dev/{payments,billing}, on a cache
// that does not watch unless cfg says so.
func bubble(t *testing.T, cfg cache.Config, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, fake: secrettest.NewFake()}
		w.fake.Set(dev, "GREETING", "hello")
		w.fake.Set(payments, "KEY", "one")
		w.fake.Set(billing, "KEY", "two")
		if cfg.Watch == "" {
			cfg.Watch = cache.WatchOff
		}
		cfg.OnChange = func(change secret.Change) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.told = append(w.told, change)
		}
		w.Cache = cache.New(w.fake, cfg)
		defer w.Close()
		test(w)
	})
}

// changes returns the changes so far, and forgets them.
func (w *world) changes() []secret.Change {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	changes := w.told
	w.told = nil
	return changes
}

// calls returns the number of requests that do makes.
func (w *world) calls(do func()) secrettest.Calls {
	synctest.Wait()
	before := w.fake.Calls()
	do()
	synctest.Wait()
	after := w.fake.Calls()
	return secrettest.Calls{
		Fetch:       after.Fetch - before.Fetch,
		Conditional: after.Conditional - before.Conditional,
		Tree:        after.Tree - before.Tree,
		Folders:     after.Folders - before.Folders,
	}
}

func (w *world) entry(dir secret.Dir) (*secret.Folder, error) {
	return w.Folder(w.Context(), dir, secret.NeedEntry)
}

// get wants an answer.
func (w *world) get(dir secret.Dir, need secret.Need) *secret.Folder {
	w.Helper()
	folder, err := w.Folder(w.Context(), dir, need)
	require.NoError(w, err)
	require.Equal(w, dir, folder.Dir)
	return folder
}

// value wants a value out of dir, by NeedEntry.
func (w *world) value(dir secret.Dir, name string) string {
	w.Helper()
	s, ok := w.get(dir, secret.NeedEntry).Secret(name)
	require.True(w, ok, "%s has no %s", dir, name)
	return s.Value.Reveal()
}

// fails wants an error that is want.
func (w *world) fails(dir secret.Dir, want error) {
	w.Helper()
	folder, err := w.entry(dir)
	require.ErrorIs(w, err, want)
	require.Nil(w, folder)
}

// quick wants do to take no time at all.
func (w *world) quick(do func()) {
	w.Helper()
	require.Zero(w, w.took(do))
}

func (w *world) took(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}

// wide gives dev a hundred folders and returns them.
func (w *world) wide() []secret.Dir {
	var dirs []secret.Dir
	for i := range 100 {
		dir := dev.Child(fmt.Sprintf("folder-%02d", i))
		w.fake.Set(dir, "KEY", "value")
		dirs = append(dirs, dir)
	}
	return dirs
}

func sleep(d time.Duration) { time.Sleep(d) } // in a bubble: moves the clock

func timeout(w *world, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(w.Context(), d)
	w.Cleanup(cancel)
	return ctx
}
