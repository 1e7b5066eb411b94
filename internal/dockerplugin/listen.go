package dockerplugin

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/exitcode"
)

// Listen returns the socket that engines connect to: the one that a service manager has
// handed over (LISTEN_FDS), else one at path, which its owner alone may use. What a
// process that has died has left at path is replaced; a process that answers there is an
// error. Closing a listener removes its file, unless the manager owns it.
func Listen(path string) (net.Listener, error) {
	listeners, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("the socket of the service manager: %w", err)
	}
	switch len(listeners) {
	case 0:
		return listenAt(path)
	case 1:
		if unix, ok := listeners[0].(*net.UnixListener); ok {
			unix.SetUnlinkOnClose(false)
			return unix, nil
		}
	}
	return nil, exitcode.Errorf(exitcode.Config, "the socket unit has one ListenStream=, the path of a unix socket", "the service manager hands over something else than one unix socket")
}

func listenAt(path string) (net.Listener, error) {
	if path == "" {
		return nil, exitcode.Errorf(exitcode.Usage, "name one with --socket, such as /run/docker/plugins/infisicalfs.sock", "no socket")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, unusable(path, err)
	}
	if err := makeWay(path); err != nil {
		return nil, err
	}
	old := unix.Umask(0o177) // from its first moment on
	l, err := net.Listen("unix", path)
	unix.Umask(old)
	if err != nil {
		return nil, unusable(path, err)
	}
	return l, nil
}

// makeWay removes a socket that nobody serves.
func makeWay(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return unusable(path, err)
	case info.Mode().Type() != fs.ModeSocket:
		return exitcode.Errorf(exitcode.Config, "remove it, or name another with --socket", "%s is no socket", path)
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return exitcode.Errorf(exitcode.Config, "one process serves all engines of a machine: stop the other one first", "another process answers at %s", path)
	} else if !errors.Is(err, unix.ECONNREFUSED) {
		return unusable(path, err)
	}
	if err := os.Remove(path); err != nil {
		return unusable(path, err)
	}
	return nil
}

func unusable(path string, err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		err = inner // without the path, which is said once
	}
	return exitcode.Errorf(exitcode.Config, "name one with --socket where you may make it", "cannot listen at %s: %w", path, err)
}
