//go:build linux

package fs

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/secret"
)

// Who is in a new folder before it is heard of stays there: the kernel
// drops no name under which somebody works.
func TestWhoIsInANewFolderStaysThere(t *testing.T) {
	for _, how := range []Notify{NotifyOff, NotifyAttrib, NotifyFull} {
		t.Run(string(how), func(t *testing.T) {
			w, dir := emitting(t, func(c *Config) { c.Notify = how })
			at := dir + "/demo/dev"
			_, err := os.ReadDir(at)
			require.NoError(t, err)
			heard(t, at, func() {
				change := w.change(t, dev, func() { w.Mkdir(dev.Child("jobs")) })
				fd, err := unix.Open(at+"/jobs", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
				require.NoError(t, err)
				defer unix.Close(fd)
				w.announce(change)
				path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
				require.NoError(t, err)
				require.Equal(t, at+"/jobs", path)
				var before, after unix.Stat_t
				require.NoError(t, unix.Fstat(fd, &before))
				require.NoError(t, unix.Stat(at+"/jobs", &after))
				require.Equal(t, before.Ino, after.Ino)
			})
		})
	}
}

// Nor does it drop the name of a folder that has another date.
func TestWhoIsInAFolderOfAnotherDateStaysThere(t *testing.T) {
	w, dir := emitting(t)
	at := dir + "/demo/dev/payments"
	fd, err := unix.Open(at, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	before := snapshot(t, w.Fake, dev)
	after := before.With(func(f *secret.Folder) {
		f.Folders = slices.Clone(f.Folders)
		for i := range f.Folders {
			f.Folders[i].Updated = f.Folders[i].Updated.Add(time.Hour)
		}
	})
	w.announce(secret.Change{Dir: dev, Old: before, New: after})
	path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	require.NoError(t, err)
	require.Equal(t, at, path)
}
