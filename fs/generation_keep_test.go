package fs

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/generation"
	"infisicalfs/fs/internal/openfiles"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// However often a folder changes, what is kept are two of its generations and the
// one that watchers know of, if nobody uses the others.
func TestGenerationsAreLetGo(t *testing.T) {
	w := newWorld(func(c *Config) { c.Root, c.Links = dev, true })
	fusetest.Direct(t, w.Root(), w.Options())
	for i := range 500 {
		w.Set(dev, "GREETING", fmt.Sprint(i))
		_, err := w.root.generation(t.Context())
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool {
		runtime.GC()
		kept := 0
		w.opened.Each(func(openfiles.File) bool { kept++; return true })
		return kept <= 3
	}, 10*time.Second, 10*time.Millisecond)
	require.Zero(t, w.Counts().Open, "nobody has anything open")
}

// A generation that could not be made when there was a change is made later, or
// watchers would wait for the next change.
func TestASwapThatFailedIsMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(func(c *Config) { c.Root, c.Links = dev, true })
		fusetest.Direct(t, w.Root(), w.Options())
		before, err := w.root.generation(t.Context())
		require.NoError(t, err)
		w.known.Store(true)
		w.answer(func(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
			if need == secret.NeedProof {
				return nil, secret.ErrUnavailable
			}
			return w.partially(ctx, dir, need)
		})
		w.put(t, func() { w.Remove(dev, "EMPTY") })
		require.Same(t, before, w.root.generations.Latest())
		w.answer(w.Folder)
		time.Sleep(generation.Again)
		synctest.Wait()
		require.NotSame(t, before, w.root.generations.Latest())
		told, now := w.root.generations.Tell()
		require.Same(t, told, now)

		w.answer(func(context.Context, secret.Dir, secret.Need) (*secret.Folder, error) {
			return nil, secret.ErrUnavailable
		})
		tries := func() int { synctest.Wait(); return strings.Count(w.logs.String(), "swap") }
		for range 3 {
			w.announce(secret.Change{Dir: dev})
		}
		failed := tries()
		time.Sleep(generation.Again)
		require.Equal(t, failed+1, tries(), "once for all")
		w.Close()
		failed = tries()
		time.Sleep(generation.Again)
		require.Equal(t, failed, tries(), "nobody is left to be told")
	})
}
