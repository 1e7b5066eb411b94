//go:build linux

package volume

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// One process has one voice, whatever it serves.
func TestTheServiceManagerIsTold(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "20000")
	told := func(words string) {
		t.Helper()
		require.NoError(t, socket.SetReadDeadline(time.Now().Add(20*time.Second)))
		for text := make([]byte, 4096); ; {
			n, err := socket.Read(text)
			require.NoError(t, err)
			if strings.Contains(string(text[:n]), words) {
				return
			}
		}
	}
	m := w.open()
	w.mounted(m, "a", dev())
	w.mounted(m, "b", dev("env=prod"))
	require.NoError(t, m.Create("c", dev()))
	m.Supervise()
	told("READY=1")
	for range 4 {
		told("WATCHDOG=1\nSTATUS=3 volumes, 2 mounted")
	}
	require.NoError(t, m.Unmount(t.Context(), "a", "id"))
	told("WATCHDOG=1\nSTATUS=3 volumes, 1 mounted")
	require.NoError(t, m.Close())
	told("STOPPING=1")
}
