package main

import (
	"bufio"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/attach"
	"infisicalfs/internal/devserver"
	"infisicalfs/internal/mount"
)

// A mount in the foreground of a terminal ends with the terminal, as other
// programs do.
func TestTheTerminalsEndEndsTheMount(t *testing.T) {
	if _, err := attach.Examine(); err != nil {
		if os.Getenv("REQUIRE_FUSE") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	handler, err := devserver.New(devserver.Config{})
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	defer server.Close()
	defer handler.Close()
	who := handler.Credentials("admin")

	terminal, screen := openTerminal(t)
	point := t.TempDir()
	cmd := exec.Command("infisicalfs", "mount", "-f", point)
	cmd.Env = append(os.Environ(), "INFISICAL_API_URL="+server.URL,
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID="+who.ClientID, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET="+who.ClientSecret)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = screen, screen, screen
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	screen.Close()
	line, err := bufio.NewReader(terminal).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "mounted on")
	s, err := mount.ReadStatus(point)
	require.NoError(t, err)
	require.Equal(t, hangupEnds, s.Hangup)

	require.NoError(t, terminal.Close())
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(time.Minute):
		t.Fatal("it goes on")
	}
	require.Empty(t, ourMounts(point))
}

// openTerminal returns both ends of a new pseudo terminal.
func openTerminal(t *testing.T) (keyboard, screen *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	require.NoError(t, unix.SetNonblock(fd, true)) // so that closing it ends a read
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	return os.NewFile(uintptr(fd), "terminal"), screen
}
