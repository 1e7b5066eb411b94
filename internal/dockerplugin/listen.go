package dockerplugin

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/systemd"
)

// Listen returns the socket that engines connect to: the one among received, which a service
// manager has handed over and which is the listener's from now on, else one at path, which its owner alone may use. What a
// process that has died has left at path is replaced; a process that answers there is an
// error. Closing a listener removes its file, unless the manager owns it.
func Listen(path string, received []systemd.Descriptor) (net.Listener, error) {
	if len(received) == 0 {
		return listenAt(path)
	}
	var listeners []net.Listener
	for _, d := range received {
		file := os.NewFile(uintptr(d.FD), d.Name)
		if l, err := net.FileListener(file); err == nil { // on a descriptor of its own
			listeners = append(listeners, l)
		}
		file.Close()
	}
	if len(received) == 1 && len(listeners) == 1 {
		if l, ok := listeners[0].(*net.UnixListener); ok {
			l.SetUnlinkOnClose(false)
			return l, nil
		}
	}
	for _, l := range listeners {
		l.Close()
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
