//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// mounted is a process that serves a mount, until stop.
type mounted struct {
	dir  string
	cmd  *exec.Cmd
	gone chan struct{} // closed when the process has ended; then err is set
	err  error
}

// start runs a command that says "mounted on" when it serves dir, and waits for
// that. What it says is kept in dir.log.
func start(dir string, environment []string, program string, args ...string) (*mounted, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	log, err := os.Create(dir + ".log")
	if err != nil {
		return nil, err
	}
	m := &mounted{dir: dir, cmd: exec.Command(program, append(args, dir)...), gone: make(chan struct{})}
	m.cmd.Env = environment
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a ^C is for us, who then unmount
	stderr, err := m.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	ready := make(chan struct{})
	go func() {
		m.err = follow(stderr, log, func() { close(ready) })
		m.err = errors.Join(m.err, m.cmd.Wait())
		close(m.gone)
	}()
	select {
	case <-ready:
		return m, nil
	case <-m.gone:
		said, _ := os.ReadFile(dir + ".log")
		return nil, fmt.Errorf("%s did not mount: %w\n%s", filepath.Base(program), m.err, said)
	case <-time.After(time.Minute):
		m.stop()
		return nil, fmt.Errorf("%s did not mount within a minute", filepath.Base(program))
	}
}

// follow copies what a process says and notices that it has mounted.
func follow(from io.Reader, to io.WriteCloser, ready func()) error {
	defer to.Close()
	said := false
	scan := bufio.NewScanner(from)
	for scan.Scan() {
		fmt.Fprintln(to, scan.Text())
		if !said && strings.HasPrefix(scan.Text(), "mounted on ") {
			said = true
			ready()
		}
	}
	return scan.Err()
}

// stop ends the process and its mount. It may be called more than once. The
// error is that the process had to be killed, or how it ended.
func (m *mounted) stop() error {
	m.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-m.gone:
		return m.err
	case <-time.After(20 * time.Second):
	}
	unix.Unmount(m.dir, unix.MNT_DETACH)
	m.cmd.Process.Kill()
	<-m.gone
	return fmt.Errorf("the process of %s did not end and was killed", m.dir)
}

// status is what the bench looks at of a mount's status.
type status struct {
	Cache struct {
		Snapshots int
		Bytes     int64
		Stale     int64
		Purges    int64
		Watch     struct{ Folders, Polls int }
	}
	FS struct{ Opens, Reads, Open int }

	Goroutines int
}

func (m *mounted) status() (s status, err error) {
	text, err := os.ReadFile(filepath.Join(m.dir, ".infisicalfs", "status"))
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	return s, err
}
