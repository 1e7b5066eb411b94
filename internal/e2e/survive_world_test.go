package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// life is one process that serves a mount and may be killed at any time.
type life struct {
	cmd    *exec.Cmd
	stderr *lines
}

// lines keeps what a process says and tells when it has said something.
type lines struct {
	got  chan string // a line each; closed at the end
	rest io.ReadCloser
}

// begin runs "infisicalfs mount --foreground" on dir as a child of this process:
// so Wait returns when the last of its threads is gone, and not before.
func (w *world) begin(t *testing.T, dir string, environment []string, flags ...string) *life {
	t.Helper()
	needFUSE(t)
	cmd := exec.Command(program, append(append([]string{"mount", "--foreground"}, flags...), dir)...)
	cmd.Env = append(append(w.environ("admin"), environment...), "GORACE=atexit_sleep_ms=0")
	pipe, err := cmd.StderrPipe()
	require.NoError(t, err)
	l := &life{cmd, &lines{make(chan string, 1000), pipe}}
	require.NoError(t, cmd.Start())
	go func() {
		defer close(l.stderr.got)
		for scan := bufio.NewScanner(pipe); scan.Scan(); {
			l.stderr.got <- scan.Text()
		}
	}()
	return l
}

// mounted waits until the process says that the mount is there.
func (l *life) mounted(t *testing.T) {
	t.Helper()
	for line := range l.stderr.got {
		if strings.HasPrefix(line, "mounted on ") {
			return
		}
		t.Log(line)
	}
	t.Fatal("the process ended without having mounted")
}

// kill is kill -9. The process has to be gone soon, with all its threads.
func (l *life) kill(t *testing.T, dir string) {
	t.Helper()
	l.cmd.Process.Kill()
	l.gone(t, dir)
}

func (l *life) gone(t *testing.T, dir string) {
	t.Helper()
	gone := make(chan bool)
	go func() {
		for range l.stderr.got {
		}
		l.cmd.Wait()
		close(gone)
	}()
	select {
	case <-gone:
	case <-time.After(20 * time.Second):
		unix.Unmount(dir, unix.MNT_FORCE) // ends what the process waits for
		unix.Unmount(dir, unix.MNT_FORCE|unix.MNT_DETACH)
		<-gone
		t.Fatal("the killed process did not end: one of its threads waited for an answer of its own mount")
	}
}

// shelf is a file system of its own with an empty directory, whose mounts are
// handed on as propagation says.
func shelf(t *testing.T, propagation uintptr) (dir string) {
	t.Helper()
	needFUSE(t)
	if os.Geteuid() != 0 {
		if os.Getenv("REQUIRE_FUSE") != "" {
			t.Fatal("REQUIRE_FUSE is set, but this is not root")
		}
		t.Skip("needs root")
	}
	top, err := os.MkdirTemp(base, "shelf-")
	require.NoError(t, err)
	require.NoError(t, unix.Mount("none", top, "tmpfs", 0, "size=64k"))
	require.NoError(t, unix.Mount("", top, "", propagation, ""))
	dir = filepath.Join(top, "secrets")
	require.NoError(t, os.Mkdir(dir, 0o755))
	t.Cleanup(func() {
		for unix.Unmount(dir, unix.MNT_FORCE|unix.MNT_DETACH) == nil {
		}
		require.NoError(t, unix.Unmount(top, unix.MNT_DETACH))
		require.NoError(t, os.Remove(top))
	})
	return dir
}

// depth is how many mounts of ours are on dir.
func depth(dir string) (n int) {
	for _, line := range mounts() {
		if strings.Fields(line)[4] == dir {
			n++
		}
	}
	return n
}

// container is a shell in a mount namespace of its own, which gets what is
// mounted outside but hands nothing out.
type container struct {
	in  io.Writer
	out *bufio.Reader
	dir string // where it has bound what it was given
}

// newContainer binds dir, with propagation "slave", as engines do it with
// -v dir:/somewhere:rslave.
func newContainer(t *testing.T, dir string) *container {
	t.Helper()
	at, err := os.MkdirTemp(base, "container-")
	require.NoError(t, err)
	cmd := exec.Command("unshare", "--mount", "--propagation", "slave", "sh")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = cmd.Stdout
	require.NoError(t, cmd.Start())
	c := &container{in, bufio.NewReader(out), at}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
		os.Remove(at)
	})
	out2, ok := c.run(t, fmt.Sprintf("mount --rbind %[1]s %[2]s && mount --make-rslave %[2]s", dir, at))
	require.True(t, ok, out2)
	// Copies of other mounts would keep those alive when they are unmounted.
	_, ok = c.run(t, fmt.Sprintf("while read -r _ point type _; do case $type:$point in fuse.infisicalfs:%s*) ;; fuse.infisicalfs:*) umount -l $point;; esac; done < /proc/self/mounts", at))
	require.True(t, ok)
	return c
}

// run runs a command there and returns what it says and whether it succeeded.
func (c *container) run(t *testing.T, command string) (said string, ok bool) {
	t.Helper()
	_, err := fmt.Fprintf(c.in, "{ %s\n} </dev/null 2>&1; printf '\\n:%%s\\n' $?\n", command)
	require.NoError(t, err)
	var text strings.Builder
	for {
		line, err := c.out.ReadString('\n')
		require.NoError(t, err, text.String())
		if code, end := strings.CutPrefix(line, ":"); end {
			return strings.TrimSuffix(text.String(), "\n"), code == "0\n"
		}
		text.WriteString(line)
	}
}
