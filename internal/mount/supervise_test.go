//go:build linux

package mount

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// manager plays systemd: it gives out a socket and reads what it is told.
type manager struct{ socket *net.UnixConn }

func newManager(t *testing.T) manager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { socket.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return manager{socket}
}

// told returns the next message, "" if none comes within limit.
func (m manager) told(t *testing.T, limit time.Duration) string {
	t.Helper()
	require.NoError(t, m.socket.SetReadDeadline(time.Now().Add(limit)))
	text := make([]byte, 4096)
	n, err := m.socket.Read(text)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		require.NoError(t, err)
	}
	return string(text[:n])
}

// until reads messages until one has the words.
func (m manager) until(t *testing.T, words string) string {
	t.Helper()
	for {
		text := m.told(t, 20*time.Second)
		require.NotEmpty(t, text, "nothing more is said, and nothing was said of %q", words)
		if strings.Contains(text, words) {
			return text
		}
	}
}

func TestTheServiceManagerIsTold(t *testing.T) {
	systemd := newManager(t)
	m := mounted(t, config(directory(t), sample()))
	require.Empty(t, systemd.told(t, time.Millisecond), "nobody asked for it yet")
	m.Supervise()
	require.Equal(t, "READY=1\nSTATUS=/demo/dev on "+m.Mountpoint(), systemd.told(t, time.Second))
	require.NoError(t, m.Close())
	require.Equal(t, "STOPPING=1", systemd.told(t, time.Second))
	require.Empty(t, systemd.told(t, time.Millisecond))
}

func TestWithoutAServiceManager(t *testing.T) {
	for _, socket := range []string{"", "/nowhere/notify"} {
		t.Setenv("NOTIFY_SOCKET", socket)
		t.Setenv("WATCHDOG_USEC", "1000")
		m := mounted(t, config(directory(t), sample()))
		m.Supervise()
		require.NoError(t, m.Close())
	}
}

func TestPingsFollowAnswersOfTheMount(t *testing.T) {
	systemd := newManager(t)
	const timeout = 200 * time.Millisecond
	t.Setenv("WATCHDOG_USEC", "200000")
	m := mounted(t, config(directory(t), sample()))
	m.Supervise()
	systemd.until(t, "READY=1")
	for range 3 {
		systemd.until(t, "WATCHDOG=1")
	}
	// Whoever looks now gets something else, and the mount is not what answers.
	require.NoError(t, unix.Mount("none", m.Mountpoint(), "tmpfs", 0, "size=64k"))
	systemd.until(t, "STATUS=the mount does not answer: something else is mounted on top of it")
	for range 5 {
		require.NotContains(t, systemd.told(t, timeout), "WATCHDOG=1")
	}
	require.NoError(t, unix.Unmount(m.Mountpoint(), 0))
	systemd.until(t, "WATCHDOG=1\nSTATUS=/demo/dev on ")
	require.NoError(t, m.Close())
	systemd.until(t, "STOPPING=1")
}

func TestPingsAreForTheProcessThatIsMeant(t *testing.T) {
	systemd := newManager(t)
	t.Setenv("WATCHDOG_USEC", "1000")
	t.Setenv("WATCHDOG_PID", "1")
	m := mounted(t, config(directory(t), sample()))
	m.Supervise()
	systemd.until(t, "READY=1")
	require.Empty(t, systemd.told(t, 50*time.Millisecond))
}

// A mount that nobody serves any more, though its process is well, keeps the
// question to itself: no ping, and not a second question.
func TestNoPingWithoutAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done, asked, answer := make(chan struct{}), make(chan bool, 100), make(chan error)
		said := make(chan error, 100)
		go heartbeat(done, time.Second,
			func() error { asked <- true; return <-answer },
			func(err error) { said <- err })
		answer <- nil
		require.NoError(t, <-said)

		<-time.After(time.Minute + time.Second/2)
		require.Len(t, asked, 2)
		require.Len(t, said, 59)
		for range 59 {
			require.ErrorIs(t, <-said, context.DeadlineExceeded)
		}

		answer <- nil // too late to count; the next is in time
		answer <- nil
		require.NoError(t, <-said)

		answer <- unix.ENOTCONN
		require.ErrorIs(t, <-said, unix.ENOTCONN)
		require.Empty(t, said)
		close(done)
	})
}
