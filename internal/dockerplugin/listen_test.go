package dockerplugin

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/systemd"
)

func TestListen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plugins", "i.sock")
	l, err := Listen(path, nil)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "whoever connects may mount")
	_, err = Listen(path, nil)
	require.ErrorContains(t, err, "another process answers at "+path)

	l.(*net.UnixListener).SetUnlinkOnClose(false) // as if killed
	require.NoError(t, l.Close())
	require.FileExists(t, path)
	l, err = Listen(path, nil)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.NoFileExists(t, path)

	require.NoError(t, os.WriteFile(path, []byte("precious"), 0o600))
	_, err = Listen(path, nil)
	require.EqualError(t, err, path+" is no socket")
	require.FileExists(t, path)
	_, err = Listen("", nil)
	require.EqualError(t, err, "no socket")
	_, err = Listen(path+"/below", nil)
	require.ErrorContains(t, err, "cannot listen at "+path+"/below: ")
}

// A child that is started as systemd starts one, with the socket as descriptor 3.
func TestListenAtWhatTheServiceManagerHandsOver(t *testing.T) {
	if os.Getenv("LISTEN_FDS") != "" {
		l, err := Listen("", systemd.Received())
		require.NoError(t, err)
		c, err := l.Accept()
		require.NoError(t, err)
		c.Write([]byte("served"))
		c.Close()
		require.NoError(t, l.Close())
		return
	}
	path := filepath.Join(t.TempDir(), "i.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	defer l.Close()
	file, err := l.File()
	require.NoError(t, err)
	defer file.Close()
	child := exec.Command("sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" -test.run="^$1\$"`, os.Args[0], t.Name())
	child.ExtraFiles = []*os.File{file}
	answer := make(chan string, 1)
	go func() {
		text := make([]byte, 100)
		n := 0
		if c, err := net.Dial("unix", path); err == nil {
			n, _ = c.Read(text)
			c.Close()
		}
		answer <- string(text[:n])
	}()
	out, err := child.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "served", <-answer)
	require.FileExists(t, path, "the manager's file stays")
}
