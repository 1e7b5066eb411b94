//go:build linux

package mount

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/daemon"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// mountInBackground is a command line in small: mount in the background, with
// the trouble that TROUBLE names and the value that descriptor TOKEN_FD holds.
func mountInBackground() error {
	daemon.Harden(nil)
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	tokenFD, _ := strconv.Atoi(os.Getenv("TOKEN_FD"))
	child := daemon.Background()
	if child == nil {
		return daemon.Daemonize(ctx, tokenFD)
	}
	m, err := mountOnce(ctx, child, tokenFD)
	if err != nil {
		child.Failed(err, "a hint")
		return nil
	}
	if err := child.Ready(); err != nil {
		return m.Close()
	}
	return untilSignal(m)
}

func mountOnce(ctx context.Context, child *daemon.Child, tokenFD int) (*Mount, error) {
	ctx, stop := child.Context(ctx)
	defer stop()
	fake := sample()
	if tokenFD > 0 {
		token, err := io.ReadAll(os.NewFile(uintptr(tokenFD), "token"))
		if err != nil {
			return nil, err
		}
		fake.Set(devDir, "TOKEN", string(token))
	}
	switch os.Getenv("TROUBLE") {
	case "denied":
		fake.FailAll(secret.ErrDenied)
	case "silent":
		unix.Kill(os.Getpid(), unix.SIGKILL)
	case "hang":
		fake.Hang(true)
		fmt.Println("hanging", os.Getpid())
	}
	return New(ctx, config(os.Getenv("POINT"), fake))
}

func TestDaemonizeReturnsWhenTheMountAnswers(t *testing.T) {
	needFUSE(t)
	point := directory(t)
	token, err := os.CreateTemp(t.TempDir(), "token")
	require.NoError(t, err)
	_, err = token.WriteString("not a real token")
	require.NoError(t, err)
	_, err = token.Seek(0, io.SeekStart)
	require.NoError(t, err)

	cmd := again("command", "POINT="+point, "TOKEN_FD=7")
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	cmd.ExtraFiles = []*os.File{4: token, 5: write} // descriptors 7 and 8; 3 to 6 are closed
	out, err := cmd.CombinedOutput()                // returns only when nobody has the pipe any more
	require.NoError(t, err, "%s", out)
	require.Empty(t, out)
	require.NoError(t, write.Close())
	require.NoError(t, read.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err = read.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "the daemon holds a descriptor that it was not to keep")

	got, err := os.ReadFile(filepath.Join(point, "TOKEN"))
	require.NoError(t, err)
	require.Equal(t, "not a real token", string(got))

	s, err := ReadStatus(point)
	require.NoError(t, err)
	proc := fmt.Sprintf("/proc/%d/", s.PID)
	session, err := unix.Getsid(s.PID)
	require.NoError(t, err)
	require.Equal(t, s.PID, session, "a session of its own")
	cwd, err := os.Readlink(proc + "cwd")
	require.NoError(t, err)
	require.Equal(t, "/", cwd)
	for stream := range 3 {
		target, err := os.Readlink(proc + "fd/" + strconv.Itoa(stream))
		require.NoError(t, err)
		require.Equal(t, os.DevNull, target)
	}

	require.NoError(t, unix.Kill(s.PID, unix.SIGTERM))
	ended(t, s.PID)
	requireFree(t, point)
}

func TestDaemonizeReportsWhatTheChildSays(t *testing.T) {
	needFUSE(t)
	for trouble, want := range map[string]struct {
		code  int
		words string
	}{
		"denied": {exitcode.Denied, "reading /demo/dev: "},
		"silent": {exitcode.Other, "ended without a word (signal: killed)"},
	} {
		point := directory(t)
		out, err := again("command", "POINT="+point, "TROUBLE="+trouble).CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, want.code, exit.ExitCode())
		require.Contains(t, string(out), want.words)
		requireFree(t, point)
	}
}

func TestAStartThatIsGivenUpLeavesNothing(t *testing.T) {
	needFUSE(t)
	for _, signal := range []unix.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGKILL} {
		point := directory(t)
		cmd := again("command", "POINT="+point, "TROUBLE=hang")
		read, write, err := os.Pipe()
		require.NoError(t, err)
		cmd.Stdout, cmd.Stderr = write, write
		require.NoError(t, cmd.Start())
		write.Close()
		var pid int
		_, err = fmt.Fscanf(read, "hanging %d\n", &pid)
		require.NoError(t, err)
		require.NoError(t, cmd.Process.Signal(signal))
		require.Error(t, cmd.Wait())
		ended(t, pid)
		requireFree(t, point)
		read.Close()
	}
}

// ended waits until process pid is gone.
func ended(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH {
		return
	}
	require.NoError(t, err)
	defer unix.Close(fd)
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 20_000)
	for err == unix.EINTR {
		n, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 20_000)
	}
	require.NoError(t, err)
	require.Equal(t, 1, n, "process %d is still there", pid)
}

// crash ends with a core file, unless it may not. With HARDEN set it says what
// it became first.
func crash() error {
	if os.Getenv("HARDEN") != "" {
		daemon.Harden(nil)
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil {
			return err
		}
		dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
		fmt.Println(limit.Cur, limit.Max, dumpable, err)
	}
	signal.Reset(unix.SIGABRT)
	if err := unix.Kill(os.Getpid(), unix.SIGABRT); err != nil {
		return err
	}
	time.Sleep(time.Minute) // another thread may be about to get it
	return nil
}

func TestHardenedProcessLeavesNoCore(t *testing.T) {
	for _, harden := range []string{"", "yes"} {
		dir := t.TempDir()
		cmd := exec.Command("sh", "-c", `ulimit -c "$(ulimit -H -c)"; exec "$0" -test.run='^$'`, os.Args[0])
		cmd.Env = append(os.Environ(), roleVariable+"=crash", "HARDEN="+harden, "GOTRACEBACK=crash")
		cmd.Dir = dir
		var out bytes.Buffer
		cmd.Stdout = &out
		require.Error(t, cmd.Run(), "it was to die of SIGABRT")
		cores, err := filepath.Glob(filepath.Join(dir, "*core*"))
		require.NoError(t, err)
		if harden != "" {
			require.Equal(t, "0 0 0 <nil>", strings.TrimSpace(out.String()))
			require.Empty(t, cores)
		} else {
			t.Log("core files of a process that is not hardened:", len(cores))
		}
	}
}
