//go:build linux

package fs

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/secret"
)

// emittingLinks is a mounted world of links whose watchers are told.
func emittingLinks(t *testing.T, change ...func(*Config)) (*world, string) {
	return emitting(t, append([]func(*Config){func(c *Config) { c.Root, c.Links, c.TTL = dev, true, time.Minute }}, change...)...)
}

// What watches the directory hears what it would hear of a volume of Kubernetes:
// a new ..data is moved into its place, and only then names come and go.
func TestWatchersOfAVolumeHear(t *testing.T) {
	swap := []string{"CREATE ..data_tmp", "MOVED_FROM ..data_tmp", "MOVED_TO ..data"}
	for name, c := range map[string]struct {
		change func(w *world)
		want   []string
	}{
		"a new value":        {func(w *world) { w.Set(dev, "GREETING", "hi") }, swap},
		"a new name":         {func(w *world) { w.Set(dev, "NEW", "x") }, append(swap[:3:3], "CREATE NEW")},
		"a name that went":   {func(w *world) { w.Remove(dev, "EMPTY") }, append(swap[:3:3], "DELETE EMPTY")},
		"a new folder":       {func(w *world) { w.Mkdir(dev.Child("jobs")) }, []string{"CREATE jobs"}},
		"two values at once": {func(w *world) { w.Set(dev, "GREETING", "hi"); w.Set(dev, "EMPTY", "full") }, swap},
	} {
		t.Run(name, func(t *testing.T) {
			for _, looked := range []func(dir string){
				func(dir string) { requireText(t, "hello, world", dir+"/GREETING") },
				func(dir string) { _ = namesIn(t, dir) },
				func(string) {},
			} {
				w, dir := emittingLinks(t)
				looked(dir)
				want := c.want
				if w.root.generations.Latest() == nil && name == "a new folder" {
					want = append(swap[:3:3], want...) // nobody knows a generation, so watchers hear of the first
				}
				require.Equal(t, want, heard(t, dir, func() { w.put(t, func() { c.change(w) }) }))
				require.Zero(t, w.Counts().Notify.Failed, w.Counts().Notify.Error)
				for shown := range listed(t, w, dev) {
					_, err := os.Stat(dir + "/" + shown)
					require.NoError(t, err)
				}
			}
		})
	}
}

// Each change is one swap, also when nobody reads in between, and ..data leads to
// the newest afterwards.
func TestEachChangeSwapsOnce(t *testing.T) {
	w, dir := emittingLinks(t)
	requireText(t, "hello, world", dir+"/GREETING")
	link, err := unix.Open(dir+"/..data", unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(link)
	for _, value := range []string{"a", "bb", "ccc"} {
		require.Empty(t, heard(t, dir, func() { w.put(t, func() {}) }), "nothing has changed")
		require.Equal(t, []string{"CREATE ..data_tmp", "MOVED_FROM ..data_tmp", "MOVED_TO ..data"},
			heard(t, dir, func() { w.put(t, func() { w.Set(dev, "GREETING", value) }) }))
		requireText(t, value, dir+"/GREETING")
		require.NotContains(t, namesIn(t, dir), "..data_tmp")
		_, err := os.Lstat(dir + "/..data_tmp")
		require.ErrorIs(t, err, os.ErrNotExist)
	}
}

// Nobody else can make or move links.
func TestLinksAreNotForOthers(t *testing.T) {
	_, dir := emittingLinks(t)
	require.ErrorIs(t, os.Symlink("x", dir+"/..data_tmp"), unix.EROFS)
	require.ErrorIs(t, os.Symlink("x", dir+"/new"), unix.EROFS)
	require.ErrorIs(t, os.Rename(dir+"/GREETING", dir+"/..data"), unix.EROFS)
}

// With --notify=attrib a date is set, and off means off.
func TestGentleSwaps(t *testing.T) {
	for how, want := range map[Notify][]string{NotifyAttrib: {"ATTRIB"}, NotifyOff: nil} {
		w, dir := emittingLinks(t, func(c *Config) { c.Notify = how })
		requireText(t, "hello, world", dir+"/GREETING")
		require.Equal(t, want, heard(t, dir, func() { w.put(t, func() { w.Set(dev, "GREETING", "hi") }) }), how)
		requireText(t, "hi", dir+"/GREETING")
	}
}

// A folder that may not be read any longer is not swapped.
func TestARevokedVolumeIsNotSwapped(t *testing.T) {
	w, dir := emittingLinks(t)
	requireText(t, "hello, world", dir+"/GREETING")
	w.Fail(dev, secret.ErrDenied)
	require.Empty(t, heard(t, dir, func() { w.announce(secret.Change{Dir: dev, Err: secret.ErrDenied}) }))
}

// Who watches a file hears what a volume of Kubernetes has him hear once ..data leads
// elsewhere. The old name is found for as long as ever, and who is in the old directory reads on.
func TestTheEndOfAGenerationIsHeard(t *testing.T) {
	for _, how := range []Notify{NotifyFull, NotifyAttrib} {
		w, dir := emittingLinks(t, func(c *Config) { c.Notify = how })
		for _, value := range []string{"a", "bb", "ccc"} {
			requireReadable(t, dir+"/GREETING")
			data, err := os.Readlink(dir + "/..data")
			require.NoError(t, err)
			old, err := os.ReadFile(dir + "/GREETING")
			require.NoError(t, err)
			through, err := os.OpenRoot(dir + "/..data")
			require.NoError(t, err)
			before, err := through.Stat("GREETING")
			require.NoError(t, err)
			require.Equal(t, []string{"ATTRIB", "DELETE_SELF"},
				heard(t, dir+"/GREETING", func() { w.put(t, func() { w.Set(dev, "GREETING", value) }) }))
			require.Zero(t, w.Counts().Notify.Failed, w.Counts().Notify.Error)

			requireText(t, value, dir+"/GREETING")
			requireText(t, string(old), dir+"/"+data+"/GREETING")
			got, err := through.ReadFile("GREETING")
			require.NoError(t, err)
			require.Equal(t, string(old), string(got))
			after, err := through.Stat("GREETING")
			require.NoError(t, err)
			require.Equal(t, before.ModTime(), after.ModTime())
			require.NoError(t, through.Close())
			require.ErrorIs(t, os.Chtimes(dir+"/"+data+"/GREETING", time.Now(), time.Now()), unix.EROFS)
		}
	}
}

func requireReadable(t *testing.T, path string) {
	t.Helper()
	_, err := os.ReadFile(path)
	require.NoError(t, err)
}

// Readers find each name at any time while generations end.
func TestNoNameIsAbsentWhileGenerationsEnd(t *testing.T) {
	w, dir := emittingLinks(t)
	var over atomic.Bool
	var group sync.WaitGroup
	failed := make(chan error, 8)
	for _, read := range []func() error{
		func() error { _, err := os.ReadFile(dir + "/GREETING"); return err },
		func() error { _, err := os.ReadFile(dir + "/..data/GREETING"); return err },
		func() error {
			through, err := os.OpenRoot(dir + "/..data")
			if err != nil {
				return err
			}
			defer through.Close()
			_, err = through.ReadFile("GREETING")
			return err
		},
	} {
		group.Go(func() {
			for !over.Load() {
				if err := read(); err != nil && !errors.Is(err, unix.ESTALE) { // twice in one walk
					failed <- err
					return
				}
			}
		})
	}
	for i := range 100 {
		w.put(t, func() { w.Set(dev, "GREETING", fmt.Sprint(i)) })
	}
	over.Store(true)
	group.Wait()
	close(failed)
	for err := range failed {
		require.NoError(t, err)
	}
	require.Zero(t, w.Counts().Notify.Failed, w.Counts().Notify.Error)
}
