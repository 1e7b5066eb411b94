//go:build linux

package mounttable

import (
	"runtime"
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
