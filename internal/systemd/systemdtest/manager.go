//go:build linux

// Package systemdtest is a service manager in small, for tests: it is told things at a
// socket, keeps descriptors as systemd does, hands them to the next process, and says what is
// being done with its one unit.
//
//	m := systemdtest.New(t)
//	m.Start(t, cmd)       // with what it keeps
//	m.Until(t, "READY=1")
//	m.SetJob("restart")
//	cmd.Process.Signal(unix.SIGTERM)
package systemdtest

import (
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Manager is one. It has one unit, of which every process is a part that asks.
type Manager struct {
	notify  *net.UnixConn
	private *net.UnixListener

	mu       sync.Mutex // guards what follows
	job      string
	mute     bool
	store    []kept
	messages []string
	settling []chan struct{} // of who waits until all is heard
	more     chan struct{}   // closed when there is another message, and replaced
}

type kept struct {
	name string
	file *os.File
}

// Unit is what the unit is called.
const Unit = "infisicalfs@test.service"

// New begins to listen, until the test ends.
func New(t testing.TB) *Manager {
	t.Helper()
	dir := t.TempDir()
	m := &Manager{more: make(chan struct{})}
	var err error
	m.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	require.NoError(t, err)
	m.private, err = net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "private"), Net: "unix"})
	require.NoError(t, err)
	var group sync.WaitGroup
	group.Go(m.listen)
	group.Go(m.accept)
	t.Cleanup(func() {
		m.notify.Close()
		m.private.Close()
		group.Wait()
		m.Flush()
	})
	return m
}

// Socket is where it is told things: NOTIFY_SOCKET.
func (m *Manager) Socket() string { return m.notify.LocalAddr().String() }

// SetJob says what is being done with the unit; "": nothing.
func (m *Manager) SetJob(job string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.job = job
}

// Mute has it answer no question any more.
func (m *Manager) Mute() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mute = true
}

// settled is what it tells itself to know that it has heard everything before.
const settled = "X_SETTLED=1"

// settle returns when it has heard all that was said so far, as systemd has when it takes
// note of the end of a process.
func (m *Manager) settle() {
	heard := make(chan struct{})
	m.mu.Lock()
	m.settling = append(m.settling, heard)
	m.mu.Unlock()
	c, err := net.DialUnix("unixgram", nil, m.notify.LocalAddr().(*net.UnixAddr))
	if err != nil {
		return // the test is over
	}
	defer c.Close()
	if _, err := c.Write([]byte(settled)); err == nil {
		<-heard
	}
}

// heardAll lets one who settles go on.
func (m *Manager) heardAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.settling[0])
	m.settling = m.settling[1:]
}

// Stored returns the names of what it keeps, after all that it was told.
func (m *Manager) Stored() (names []string) {
	m.settle()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.store {
		names = append(names, k.name)
	}
	slices.Sort(names)
	return names
}

// Flush closes what it keeps, as when the unit has stopped.
func (m *Manager) Flush() { m.forget(func(kept) bool { return true }) }

// Kept returns a descriptor of its own of what is kept under a name, the caller's to close.
func (m *Manager) Kept(t testing.TB, name string) int {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.store, func(k kept) bool { return k.name == name })
	require.GreaterOrEqual(t, i, 0, name)
	fd, err := unix.FcntlInt(m.store[i].file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	require.NoError(t, err)
	return fd
}

// Drop closes what it keeps of a name.
func (m *Manager) Drop(name string) { m.forget(func(k kept) bool { return k.name == name }) }

func (m *Manager) forget(those func(kept) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.store = slices.DeleteFunc(m.store, func(k kept) bool {
		if those(k) {
			k.file.Close()
			return true
		}
		return false
	})
}

// Start starts a program as a process of the unit, with what is kept, in any order.
func (m *Manager) Start(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	require.Empty(t, cmd.ExtraFiles)
	m.settle()
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	m.mu.Lock()
	defer m.mu.Unlock()        // to the end: nothing is closed while it is handed over
	byNumber := map[int]kept{} // whose order is not fixed, nor is it systemd's
	for i, k := range m.store {
		byNumber[i] = k
	}
	var names []string
	for k := range maps.Values(byNumber) {
		names, cmd.ExtraFiles = append(names, k.name), append(cmd.ExtraFiles, k.file)
	}
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+m.Socket(), "FDSTORE=4")
	if len(names) > 0 {
		cmd.Env = append(cmd.Env, fmt.Sprintf("LISTEN_FDS=%d", len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
		// The shell's number becomes that of the program.
		cmd.Args = append([]string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = "/bin/sh"
	}
	require.NoError(t, cmd.Start())
}

// Until waits for a message with these words, and returns it. Those before it are gone then.
func (m *Manager) Until(t testing.TB, words string) string {
	t.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	var seen []string
	for {
		m.mu.Lock()
		messages, more := m.messages, m.more
		m.messages = nil
		for i, text := range messages {
			if strings.Contains(text, words) {
				m.messages = messages[i+1:]
				m.mu.Unlock()
				return text
			}
		}
		m.mu.Unlock()
		seen = append(seen, messages...)
		select {
		case <-more:
		case <-limit.C:
			require.Fail(t, "nothing was said of "+words, "%q", seen)
		}
	}
}

// listen takes messages until the socket is closed.
func (m *Manager) listen() {
	text, rights := make([]byte, 4096), make([]byte, unix.CmsgSpace(16*4))
	for {
		n, r, _, _, err := m.notify.ReadMsgUnix(text, rights)
		if err != nil {
			return
		}
		if string(text[:n]) == settled {
			m.heardAll()
			continue
		}
		m.told(string(text[:n]), received(rights[:r]))
	}
}

func received(rights []byte) (fds []int) {
	messages, _ := unix.ParseSocketControlMessage(rights)
	for _, message := range messages {
		list, _ := unix.ParseUnixRights(&message)
		fds = append(fds, list...)
	}
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
	return fds
}

// told does what a message asks for.
func (m *Manager) told(message string, fds []int) {
	lines := strings.Split(message, "\n")
	name := "stored" // as systemd's
	for _, line := range lines {
		if text, ok := strings.CutPrefix(line, "FDNAME="); ok {
			name = text
		}
	}
	if slices.Contains(lines, "FDSTOREREMOVE=1") {
		m.Drop(name)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, fd := range fds {
		if !slices.Contains(lines, "FDSTORE=1") || slices.ContainsFunc(m.store, func(k kept) bool { return sameFile(int(k.file.Fd()), fd) }) {
			unix.Close(fd)
			continue
		}
		m.store = append(m.store, kept{name, os.NewFile(uintptr(fd), name)})
	}
	m.messages = append(m.messages, message)
	close(m.more)
	m.more = make(chan struct{})
}

// sameFile reports whether two descriptors are of one open file.
func sameFile(a, b int) bool {
	const kcmpFile = 0
	pid := uintptr(os.Getpid())
	order, _, errno := unix.Syscall6(unix.SYS_KCMP, pid, pid, kcmpFile, uintptr(a), uintptr(b), 0)
	return errno == 0 && order == 0
}
