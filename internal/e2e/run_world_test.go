package e2e

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

const plainUser = 65534

// runner runs "infisicalfs run" as root or as a plain user.
type runner struct {
	*world
	uid  int
	room string // a directory of that user's
}

// asBoth runs a test as root and as a plain user, side by side.
func asBoth(t *testing.T, test func(t *testing.T, r *runner)) {
	needFUSE(t)
	if os.Geteuid() != 0 {
		if os.Getenv("REQUIRE_FUSE") != "" {
			t.Fatal("REQUIRE_FUSE is set, but this is not root")
		}
		t.Skip("needs root, to be a plain user as well")
	}
	require.NoError(t, os.Chmod(base, 0o711)) // the program is there
	for name, uid := range map[string]int{"root": 0, "user": plainUser} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, devserver.Config{})
			require.NoError(t, os.Chmod(w.tmp, 0o711))
			room, err := os.MkdirTemp(w.tmp, "room-")
			require.NoError(t, err)
			require.NoError(t, os.Chown(room, uid, uid))
			test(t, &runner{w, uid, room})
		})
	}
}

// command is "infisicalfs run" with arguments. In its environment is $PROGRAM.
// When the test ends nothing of it may be left, and a data race in any of its
// processes fails the test.
func (r *runner) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program, append([]string{"run"}, args...)...)
	cmd.Dir = r.room
	races := filepath.Join(r.room, "race")
	cmd.Env = append(r.environ("admin"), "PROGRAM="+program, "TMPDIR="+r.room, "HOME="+r.room, "GORACE=atexit_sleep_ms=0 log_path="+races)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(r.uid), Gid: uint32(r.uid)}}
	t.Cleanup(func() {
		reports, _ := filepath.Glob(races + "*")
		for _, report := range reports {
			text, _ := os.ReadFile(report)
			t.Errorf("%s", text)
		}
	})
	return cmd
}

// dev are the flags that mount demo/dev.
func dev(args ...string) []string {
	return append([]string{"--project", "demo", "--env", "dev"}, args...)
}

// output runs a shell command on demo/dev and returns what it prints; on
// standard error it may print nothing.
func (r *runner) output(t *testing.T, command string) string {
	t.Helper()
	cmd := r.command(t, dev("--", "sh", "-c", command)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s", stderr.String())
	require.Empty(t, stderr.String())
	return string(out)
}

// outcome runs cmd and returns its exit code, or minus the signal that ended it,
// and what it said.
func outcome(t *testing.T, cmd *exec.Cmd) (code int, said string) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		require.IsType(t, &exec.ExitError{}, err)
	}
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		return -int(status.Signal()), string(out)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// live is a run whose command has begun.
type live struct {
	cmd         *exec.Cmd
	dir, keeper string
	out         *bufio.Reader
	in          io.Writer
}

func (l *live) say(t *testing.T, line string) {
	t.Helper()
	_, err := io.WriteString(l.in, line+"\n")
	require.NoError(t, err)
}

// line is the next that the command prints.
func (l *live) line(t *testing.T) string {
	t.Helper()
	text, err := l.out.ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSuffix(text, "\n")
}

// keeperPID prints the number of the process behind the mount.
const keeperPID = `sed -n 's/.*"pid": \([0-9]*\).*/\1/p' $INFISICALFS_DIR/.infisicalfs/status`

// begin starts a shell command on demo/dev, in a process group of its own.
func (r *runner) begin(t *testing.T, command string) *live {
	t.Helper()
	cmd := r.command(t, dev("--", "sh", "-c", "echo $INFISICALFS_DIR; "+keeperPID+"; "+command)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	cmd.SysProcAttr.Setpgid = true
	require.NoError(t, cmd.Start())
	l := &live{cmd: cmd, out: bufio.NewReader(out), in: in}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if l.keeper != "" {
			ended(t, l.keeper)
		}
	})
	l.dir, l.keeper = l.line(t), l.line(t)
	return l
}

// ended waits for the end of a process.
func ended(t *testing.T, pid string) {
	t.Helper()
	number, err := strconv.Atoi(pid)
	require.NoError(t, err)
	fd, err := unix.PidfdOpen(number, 0)
	if err != nil {
		return // gone
	}
	defer unix.Close(fd)
	n := 0
	for deadline := time.Now().Add(20 * time.Second); n <= 0 && time.Now().Before(deadline); {
		n, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 1000)
	}
	if n <= 0 {
		t.Errorf("the process %s behind the mount has outlived the command", pid)
		unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	}
}

func alive(pid string) bool {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !strings.Contains(string(text), ") Z ")
}

func kill(t *testing.T, pid string, s syscall.Signal) {
	t.Helper()
	number, err := strconv.Atoi(pid)
	require.NoError(t, err)
	require.NoError(t, unix.Kill(number, s))
}
