package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// keystroke is what somebody types as soon as the screen shows something.
type keystroke struct{ see, press string }

// operate runs a program that wants a terminal, and types.
func operate(t *testing.T, cmd *exec.Cmd, keys []keystroke) {
	t.Helper()
	keyboard, screen := openTerminal(t)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = screen, screen, screen
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	screen.Close()
	var shown display
	go shown.watch(keyboard)
	for _, key := range keys {
		require.Eventually(t, func() bool { return shown.has(key.see) }, 20*time.Second, 5*time.Millisecond, "the screen shows %q: %s", key.see, &shown)
		shown.clear()
		_, err := keyboard.WriteString(key.press)
		require.NoError(t, err)
	}
	select {
	case err := <-ended:
		require.NoError(t, err, "%s", &shown)
	case <-time.After(20 * time.Second):
		cmd.Process.Kill()
		<-ended
		t.Fatalf("the program does not end: %s", &shown)
	}
}

// openTerminal returns both ends of a new pseudo terminal.
func openTerminal(t *testing.T) (keyboard, screen *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { keyboard.Close() })
	// Not by Fd, which makes it a file whose Close waits for a Read under way.
	raw, err := keyboard.SyscallConn()
	require.NoError(t, err)
	var number int
	var unlocked, numbered, sized error
	require.NoError(t, raw.Control(func(fd uintptr) {
		unlocked = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		number, numbered = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		sized = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	}))
	require.NoError(t, errors.Join(unlocked, numbered, sized))
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	return keyboard, screen
}

// display is what a terminal was sent since the last keystroke.
type display struct {
	mu   sync.Mutex // guards text
	text []byte
}

func (s *display) watch(f *os.File) {
	for chunk := make([]byte, 4096); ; {
		n, err := f.Read(chunk)
		s.mu.Lock()
		s.text = append(s.text, chunk[:n]...)
		s.mu.Unlock()
		if err != nil {
			return // the program has ended, or the test
		}
	}
}

func (s *display) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Contains(s.text, []byte(text))
}

func (s *display) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = nil
}

func (s *display) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("%q", s.text)
}
