//go:build linux

package mount

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/exitcode"
)

// Process after process goes on with a mount, and programs that use it all the time do
// not notice.
func TestReplacedUnnoticed(t *testing.T) {
	needFUSE(t)
	point := directory(t)
	serving := servedNext(t, point, "one")
	r := &reader{t: t, point: point}
	r.all()
	for range 10 {
		before := serving
		serving = servedNext(t, point, "one")
		require.NoError(t, before.Wait())
		require.Equal(t, 1, depth(t, point))
		s, err := ReadStatus(point)
		require.NoError(t, err)
		require.Equal(t, serving.Process.Pid, s.PID)
	}
	r.stop()
	require.NoError(t, unmounted(t.Context(), point))
	require.NoError(t, serving.Wait())
}

// In an outage process after process goes on with what the first has known, and programs
// that use the mount do not notice. When the server is back, what has changed is shown.
func TestReplacedInAnOutage(t *testing.T) {
	needFUSE(t)
	point := directory(t)
	serving := servedNext(t, point, "one")
	r := &reader{t: t, point: point}
	r.all()
	for _, away := range []string{"yes", "login", "yes"} {
		before := serving
		serving = servedNext(t, point, "another", "AWAY="+away)
		require.NoError(t, before.Wait())
		require.NoError(t, is("one")(os.ReadFile(r.path("CHANGED"))))
	}
	before := serving
	serving = servedNext(t, point, "another")
	require.NoError(t, before.Wait())
	require.NoError(t, is("another")(os.ReadFile(r.path("CHANGED"))))
	r.stop()
	require.NoError(t, unmounted(t.Context(), point))
	require.NoError(t, serving.Wait())
}

// Where what is known may not go on, an outage leaves the mount where it is.
func TestNotReplacedInAnOutage(t *testing.T) {
	needFUSE(t)
	point := directory(t)
	serving := servedNext(t, point, "one", "PERSON=yes")
	for _, away := range []string{"yes", "login"} {
		cmd, said := askedNext(t, point, "one", "AWAY="+away)
		require.Contains(t, said, "server unavailable")
		require.Error(t, cmd.Wait())
		require.NoError(t, is("one")(os.ReadFile(filepath.Join(point, "CHANGED"))))
	}
	require.NoError(t, unmounted(t.Context(), point))
	require.NoError(t, serving.Wait())
	_, said := askedNext(t, point, "one", "AWAY=login")
	require.Contains(t, said, "log in: server unavailable", "there is nothing to go on with")
}

// Versions that speak older and newer formats go on with each other's mount, unnoticed; those
// that have none in common do not.
func TestReplacedByOtherVersions(t *testing.T) {
	needFUSE(t)
	point := directory(t)
	serving := servedNext(t, point, "one")
	r := &reader{t: t, point: point}
	r.all()
	for _, formats := range []string{"3 2 1", "", "2 1", "1", ""} { // back and forth
		before := serving
		t.Setenv("FORMATS", formats)
		serving = servedNext(t, point, "one")
		require.NoError(t, before.Wait(), formats)
	}
	t.Setenv("FORMATS", "99")
	_, said := askedNext(t, point, "one")
	require.Contains(t, said, "no version in common")
	s, err := ReadStatus(point)
	require.NoError(t, err)
	require.Equal(t, serving.Process.Pid, s.PID)
	r.stop()
	require.NoError(t, unmounted(t.Context(), point))
	require.NoError(t, serving.Wait())
}

// Who has read half of a value reads no half of another. What did not change is read on.
func TestNoMixtureOfVersions(t *testing.T) {
	needFUSE(t)
	point := directory(t)
	first := servedNext(t, point, "the old value, which is long")
	r := &reader{t: t, point: point}
	open := func(flags int) *os.File {
		fd, err := unix.Open(r.path("CHANGED"), flags|unix.O_CLOEXEC, 0)
		require.NoError(t, err)
		f := os.NewFile(uintptr(fd), "CHANGED")
		t.Cleanup(func() { f.Close() })
		return f
	}
	half := make([]byte, 14)
	direct, cached, unread := open(unix.O_DIRECT), open(0), open(0)
	for _, f := range []*os.File{direct, cached} {
		_, err := io.ReadFull(f, half)
		require.NoError(t, err)
		require.Equal(t, "the old value,", string(half))
	}
	greeting, err := os.Open(r.path("GREETING"))
	require.NoError(t, err)
	defer greeting.Close()

	serving := servedNext(t, point, "A NEW VALUE, WHICH IS LONGER STILL")
	require.NoError(t, first.Wait())
	_, err = direct.Read(half)
	require.ErrorIs(t, err, syscall.ESTALE)
	for f, rest := range map[*os.File]string{cached: " which is long", unread: "the old value, which is long"} {
		got, err := io.ReadAll(f)
		if !errors.Is(err, syscall.ESTALE) {
			require.NoError(t, err)
			require.Equal(t, rest, string(got), "what the kernel keeps is the old value")
		}
	}
	got, err := os.ReadFile(r.path("CHANGED"))
	require.NoError(t, err)
	require.Equal(t, "A NEW VALUE, WHICH IS LONGER STILL", string(got))
	info, err := os.Stat(r.path("CHANGED"))
	require.NoError(t, err)
	require.EqualValues(t, len(got), info.Size())
	require.NoError(t, is("hello, world")(io.ReadAll(greeting)))
	for _, f := range []*os.File{direct, cached, unread, greeting} {
		require.NoError(t, f.Close())
	}
	require.NoError(t, unmounted(t.Context(), point))
	require.NoError(t, serving.Wait())
}

// What could be noticed is refused, and the mount stays as it is.
func TestWhatIsNotReplaced(t *testing.T) {
	needFUSE(t)
	point := directory(t)
	writable := config(point, sample())
	writable.Writer, writable.Settings = sample().Writer(), "all alike"
	other := readOnly(point, sample())
	other.Settings = "something else"
	unknown := readOnly(point, sample())
	unknown.Settings = ""
	for text, cfg := range map[string]Config{"other features of the kernel": writable, "same options": other, "cannot be known": unknown} {
		m := mounted(t, cfg)
		want := readOnly(point, sample())
		want.Replace = true
		_, err := New(t.Context(), want)
		require.ErrorContains(t, err, text)
		requireCode(t, exitcode.Mountpoint, err)
		got, err := os.ReadFile(filepath.Join(point, "GREETING"))
		require.NoError(t, err)
		require.Equal(t, "hello, world", string(got))
		require.NoError(t, m.Close())
	}
	want := readOnly(point, sample())
	want.Replace = true
	m := mounted(t, want) // there is nothing
	require.NoError(t, m.Close())
	killed(t, point)
	mounted(t, want) // or something dead
}

// Whoever fails to go on leaves the mount with the process that has served it, at each
// step, and nobody notices.
func TestAFailedReplacement(t *testing.T) {
	needFUSE(t)
	point := directory(t)
	serving := servedNext(t, point, "one")
	r := &reader{t: t, point: point}
	r.all()
	for step, more := range map[string]string{"document": "", "ready": "", "taken over": "", "read": "WAITS=yes", "taken over ": "OLDER=yes"} {
		step = strings.TrimSpace(step)
		cmd := again("next that fails", "POINT="+point, "STEP="+step, more, manyProcessors)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		require.Error(t, err)
		require.Equal(t, "reached", strings.TrimSuffix(string(out), "failing as told\n"), step)
		s, err := ReadStatus(point)
		require.NoError(t, err, step)
		require.Equal(t, serving.Process.Pid, s.PID, step)
	}
	last := servedNext(t, point, "one")
	require.NoError(t, serving.Wait())
	r.stop()
	require.NoError(t, unmounted(t.Context(), point))
	require.NoError(t, last.Wait())
}

// Who may not read of another process in which namespace it is knows it by the mount that is
// its root.
func TestARootMountTellsNamespacesApart(t *testing.T) {
	needFUSE(t)
	ours, theirs, err := rootMounts(os.Getpid())
	require.NoError(t, err)
	require.NotEmpty(t, ours)
	require.Equal(t, ours, theirs)

	other := exec.Command("unshare", "--mount", "cat")
	in, err := other.StdinPipe()
	require.NoError(t, err)
	out, err := other.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, other.Start())
	t.Cleanup(func() { other.Process.Kill(); other.Wait() })
	_, err = in.Write([]byte("x")) // is answered once it is in its namespace
	require.NoError(t, err)
	_, err = out.Read(make([]byte, 1))
	require.NoError(t, err)
	ours, theirs, err = rootMounts(other.Process.Pid)
	require.NoError(t, err)
	require.NotEqual(t, ours, theirs)
}
