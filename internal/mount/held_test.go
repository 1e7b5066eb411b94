//go:build linux

package mount

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/secret"
)

// What nobody uses any more is let go of, and what somebody watches is not,
// although watching makes no traffic.
func TestHeld(t *testing.T) {
	fake := sample()
	folder := devDir.Child("payments")
	fake.Set(folder, "API_KEY", "not-a-real-key")
	fake.Set(folder, "OTHER", "nor this")
	m := mounted(t, config(directory(t), fake))
	dir := filepath.Join(m.Mountpoint(), "payments")
	look := func() {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, entries, 2)
		for _, e := range entries {
			_, err := os.ReadFile(filepath.Join(dir, e.Name()))
			require.NoError(t, err)
		}
	}
	held := func(d secret.Dir) bool { return m.rooms.tree.Held(d) }
	require.True(t, held(devDir), "who uses the root cannot be told from the mount")
	require.False(t, held(folder), "the kernel has not heard of it")
	look()
	require.False(t, held(folder), "looking at it is over")
	look()

	for what, use := range map[string]func() (end func()){
		"open file": func() func() {
			f, err := os.Open(filepath.Join(dir, "API_KEY"))
			require.NoError(t, err)
			return func() { f.Close() }
		},
		"open directory": func() func() {
			f, err := os.Open(dir)
			require.NoError(t, err)
			return func() { f.Close() }
		},
		"watched file":      func() func() { return watch(t, filepath.Join(dir, "OTHER")) },
		"watched directory": func() func() { return watch(t, dir) },
	} {
		end := use()
		require.True(t, held(folder), what)
		require.True(t, held(folder), what)
		end()
		require.Eventually(t, func() bool { return !held(folder) }, time.Minute, time.Millisecond, what)
		look()
	}
}

// watch watches with inotify until the returned function is called.
func watch(t *testing.T, path string) (end func()) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	require.NoError(t, err)
	_, err = unix.InotifyAddWatch(fd, path, unix.IN_MODIFY|unix.IN_CREATE)
	require.NoError(t, err)
	return func() { unix.Close(fd) }
}
