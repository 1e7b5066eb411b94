package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/exitcode"
)

// Child is a background process's line to the [Daemonize] that started it. One
// of Ready and Failed is called, once.
type Child struct {
	line  net.Conn
	ready atomic.Bool // the line may end now
}

// Background returns the line, or nil in a process that a user started. Call it
// once, before other processes are started: they shall not take themselves for
// a background process.
func Background() *Child {
	mark := os.Getenv(backgroundMark)
	os.Unsetenv(backgroundMark)
	fd, err := strconv.Atoi(mark)
	if err != nil || fd < 3 {
		return nil
	}
	unix.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "parent")
	defer f.Close()
	line, err := net.FileConn(f)
	if err != nil {
		return nil // not a socket: the variable is somebody's joke
	}
	return &Child{line: line}
}

// Context returns a context that ends with parent, with stop, and when whoever
// called Daemonize dies before Ready: then nobody would learn of the mount, and
// it must not come to be.
func (c *Child) Context(parent context.Context) (ctx context.Context, stop context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	go func() {
		c.line.Read(make([]byte, 1)) // nothing is ever sent: this ends with the line
		if !c.ready.Load() {
			cancel()
		}
	}()
	return ctx, cancel
}

// Ready leaves the terminal and tells the parent to return: a session of its
// own, / as working directory, /dev/null as standard streams. Relative paths
// that are read later must have been made absolute before. After an error,
// which means that the parent is gone, the caller unmounts.
func (c *Child) Ready() error {
	defer c.line.Close()
	if _, err := unix.Setsid(); err != nil && !errors.Is(err, unix.EPERM) { // EPERM: leads a group already
		return fmt.Errorf("leaving the terminal's session: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	for stream := range 3 {
		if err := replaceDescriptor(int(null.Fd()), stream); err != nil {
			return fmt.Errorf("closing descriptor %d: %w", stream, err)
		}
	}
	c.ready.Store(true)
	if err := json.NewEncoder(c.line).Encode(report{Ready: true}); err != nil {
		return fmt.Errorf("whoever started the mount is gone: %w", err)
	}
	return nil
}

// Failed has the parent return an *exitcode.Error with the text and exit code of err and
// with hint, which may be empty. The caller ends then, and prints nothing.
func (c *Child) Failed(err error, hint string) {
	defer c.line.Close()
	// If nobody listens any more there is nobody to tell.
	json.NewEncoder(c.line).Encode(report{Error: err.Error(), Hint: hint, Code: exitcode.Of(err)})
}

// socketPair returns two connected ends, both close-on-exec.
func socketPair() (near, far *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, err
	}
	for _, fd := range pair {
		unix.CloseOnExec(fd)
	}
	return os.NewFile(uintptr(pair[0]), "child"), os.NewFile(uintptr(pair[1]), "parent"), nil
}
