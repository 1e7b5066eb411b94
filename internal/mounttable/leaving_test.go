//go:build linux

package mounttable

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestConnectionsAreFoundWithoutTheWholeTable(t *testing.T) {
	require.Equal(t, map[int]bool{40: true, 41: true, 42: true}, connectionsIn([]byte(lines)))
	require.Empty(t, connectionsIn(nil))
	require.Empty(t, connectionsIn([]byte("x - fuse.infisicalfs \n\n - fuse.infisicalfs ")))
	for device := range 50 {
		require.Equal(t, read(t).Connected(device), connectionsIn([]byte(lines))[device], "%d", device)
	}
}

// What is not mounted has left, and who waits for that is told once; nobody is told
// after stop but who was being told already.
func TestWhatIsNotMountedHasLeft(t *testing.T) {
	const never = 1 << 30 // no device has that number
	before := runtime.NumGoroutine()
	told := make(chan int, 100)
	for i := range cap(told) {
		stop, err := OnLeaving(never+i, func() { told <- i })
		require.NoError(t, err)
		defer stop()
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before+3, "there is one for all")
	seen := map[int]bool{}
	for range cap(told) {
		i := <-told
		require.False(t, seen[i])
		seen[i] = true
	}
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "it has not ended")
	}
	require.Empty(t, told)
}

// With many mounts of its own a process has the kernel tell it of mounts, with few it does not
// take what others may need for that; each end is heard of.
func TestTheEndsOfManyMounts(t *testing.T) {
	dir := needMounts(t)
	supported := byEventsFor(t)
	if supported != nil {
		supported.close()
	}
	for _, many := range []int{worthEvents - 1, 2 * worthEvents} {
		told := make(chan int, many)
		point := func(i int) string { return filepath.Join(dir, itoa(i)) }
		for i := range many {
			stop, err := OnLeaving(ours(t, point(i)), func() { told <- i })
			require.NoError(t, err)
			defer stop()
		}
		watched := func(want bool) {
			t.Helper()
			require.Eventually(t, func() bool { return hasOpen(t, "anon_inode:[fanotify]") == want }, 10*time.Second, time.Millisecond)
		}
		watched(supported != nil && many >= worthEvents)
		for i := range many {
			require.NoError(t, unix.Unmount(point(i), unix.MNT_DETACH))
			require.Equal(t, i, <-told)
		}
		watched(false)
	}
}

// hasOpen reports whether this process has something open of that name.
func hasOpen(t *testing.T, name string) bool {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	require.NoError(t, err)
	return slices.ContainsFunc(links, func(link string) bool { target, _ := os.Readlink(link); return target == name })
}

func TestReadAgain(t *testing.T) {
	table, err := Read()
	require.NoError(t, err)
	fd := open(t, "/proc/self/mountinfo")
	text, err := readAgain(fd, nil)
	require.NoError(t, err)
	require.Len(t, table, strings.Count(string(text), "\n"))
	again, err := readAgain(fd, text)
	require.NoError(t, err)
	require.Equal(t, string(text), string(again))
}

func open(t *testing.T, path string) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}
