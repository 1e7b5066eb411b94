//go:build linux

package blocking

import (
	"context"
	"errors"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Whoever asks a file system that never answers is told so in time.
func TestALookIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, never := time.Now(), make(chan int)
		_, err := Within(t.Context(), func() (int, error) { return <-never, nil })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, LookTimeout, time.Since(began))
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, stop)
		_, err = Bounded(ctx, time.Hour, func() (int, error) { return <-never, nil })
		require.ErrorIs(t, err, context.Canceled)
		close(never)
		n, err := Within(t.Context(), func() (int, error) { return 7, nil })
		require.NoError(t, err)
		require.Equal(t, 7, n)
		_, err = Within(t.Context(), func() (int, error) { return 0, os.ErrNotExist })
		require.ErrorIs(t, err, os.ErrNotExist)
	})
}

// The thread is another one, and never the first of the process.
func TestOnAThreadOfItsOwn(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	here := unix.Gettid()
	there := 0
	OnThread(func() { there = unix.Gettid() })
	require.NotZero(t, there)
	require.NotEqual(t, here, there)
	require.NotEqual(t, os.Getpid(), there)
}

// What is closed apart stays open for everybody else. All ways of leaving descriptors
// leave each of /dev/fuse, and nothing of what the poller needs.
func TestApartFromDescriptors(t *testing.T) {
	r, w, err := os.Pipe() // which the poller is asked about
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	failure := errors.New("what the look says")
	devices := someDevices(t)
	needed := pollerDescriptors()
	require.GreaterOrEqual(t, len(needed), len(pollers))
	for name, apart := range map[string]func(look func() error) error{
		"apart": func(look func() error) error { return Apart(look, devices[1]) },
		"from devices only": func(look func() error) (err error) {
			OnThread(func() {
				if err = leaveDevices(devices[1:2]); err == nil {
					err = look()
				}
			})
			return err
		},
	} {
		var open map[int]string
		err := apart(func() error {
			open, _ = Descriptors()
			return failure
		})
		require.ErrorIs(t, err, failure, name)
		for i, fd := range devices {
			if i == 1 {
				require.Equal(t, "/dev/fuse", open[fd], name)
			} else {
				require.NotContains(t, open, fd, name)
			}
			_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			require.NoError(t, err, "the others have it")
		}
		for _, fd := range needed {
			require.True(t, pollers[open[fd]], name)
		}
		if name == "apart" {
			require.NotContains(t, open, int(w.Fd()))
			require.LessOrEqual(t, len(open), 3+1+len(needed), "of however many that the process has")
		} else {
			require.Contains(t, open, int(w.Fd()))
		}
	}

	var open map[int]string
	OnThread(func() {
		if err = OwnDescriptors(); err == nil {
			open, err = Descriptors()
		}
	})
	require.NoError(t, err)
	require.NotContains(t, open, int(w.Fd()))
	for stream := range 3 {
		require.Equal(t, "/dev/null", open[stream])
	}
}

// someDevices opens /dev/fuse several times, once with a high number.
func someDevices(t *testing.T) (fds []int) {
	t.Helper()
	for range 3 {
		fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil && os.Getenv("REQUIRE_FUSE") == "" {
			t.Skip(err)
		}
		require.NoError(t, err)
		t.Cleanup(func() { unix.Close(fd) })
		fds = append(fds, fd)
	}
	high, err := unix.FcntlInt(uintptr(fds[0]), unix.F_DUPFD_CLOEXEC, 900)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(high) })
	return append(fds, high)
}
