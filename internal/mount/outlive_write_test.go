//go:build linux

package mount

import (
	"bufio"
	"context"
	"errors"
	"fmt"
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

	"infisicalfs/secret"
)

// writableUnit is what has a unit's mount be written.
const writableUnit = "WRITABLE=yes"

// A mount that can be written is restarted as unnoticed as one that is read, and who has
// read what is not forgotten.
func TestWritableRestartedUnnoticed(t *testing.T) {
	u := newUnit(t)
	u.start(writableUnit)
	r := &reader{t: t, point: u.point}
	r.all()
	for range 3 {
		u.stop("restart")
		u.start(writableUnit)
	}
	r.stop()
	require.NoError(t, os.WriteFile(r.path("GREETING"), []byte("written"), 0o600))
	require.NoError(t, is("written")(os.ReadFile(r.path("GREETING"))))

	require.NoError(t, is("one")(os.ReadFile(r.path("CHANGED"))))
	for _, changes := range []string{"CHANGES=", "CHANGES=yes", "CHANGES=yes"} { // and not forgotten by the second one
		u.stop("restart")
		u.start(writableUnit, changes)
	}
	err := os.WriteFile(r.path("CHANGED"), []byte("by who has not seen it"), 0o600)
	require.ErrorIs(t, err, syscall.ESTALE)
	require.NoError(t, is("by somebody else")(os.ReadFile(r.path("CHANGED"))))
	require.NoError(t, os.WriteFile(r.path("CHANGED"), []byte("by who has"), 0o600))
	u.stop("stop")
	requireFree(t, u.point)
}

// Who has something open that was renamed, or is in a folder that was, reads on in the next
// process, however the one before has ended; and the old name shows nothing of it.
func TestRenamedUnnoticed(t *testing.T) {
	u := newUnit(t)
	u.start(writableUnit, "MOVED=")
	path := func(name string) string { return filepath.Join(u.point, name) }
	require.NoError(t, os.Rename(path("BIGGER"), path("LARGER")))
	require.NoError(t, os.Rename(path("sub"), path("other")))
	held, err := os.Open(path("LARGER"))
	require.NoError(t, err)
	dir, err := os.Open(path("other"))
	require.NoError(t, err)
	part := make([]byte, 4096)
	for i, end := range []func(){func() { u.stop("restart") }, u.kill, func() { u.stop("restart") }} {
		end()
		u.start(writableUnit, "MOVED=yes")
		_, err := held.ReadAt(part, int64(i)*4096)
		require.NoError(t, err, i)
		require.NoError(t, is(string(bigger[:4096]))(part, nil))
		info, err := held.Stat()
		require.NoError(t, err, i)
		require.EqualValues(t, len(bigger), info.Size())
		inside, err := os.Open(fmt.Sprintf("/proc/self/fd/%d/INSIDE", dir.Fd()))
		require.NoError(t, err, i)
		require.NoError(t, is("a value")(io.ReadAll(inside)))
		require.NoError(t, inside.Close())
		_, err = os.Lstat(path("BIGGER"))
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	require.NoError(t, held.Close())
	require.NoError(t, dir.Close())
	u.stop("stop")
	requireFree(t, u.point)
}

// writesMeanwhile has files open for writing until it is told something, and says then
// what becomes of them: a process that has such files cannot start another one while
// nobody serves the mount.
func writesMeanwhile() error {
	var files []*os.File
	for name := range strings.FieldsSeq(os.Getenv("NAMES")) {
		f, err := os.OpenFile(filepath.Join(os.Getenv("POINT"), name), os.O_RDWR|os.O_CREATE, 0o600)
		if err == nil {
			_, err = f.WriteString("only here")
		}
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	fmt.Println("open")
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return err
	}
	for _, f := range files {
		_, err := f.WriteString("more")
		fmt.Println(errors.Is(err, syscall.EIO), errors.Is(f.Sync(), syscall.EIO), f.Truncate(0) != nil, f.Close() != nil)
	}
	return nil
}

// writer is a process that does [writesMeanwhile].
type writer struct {
	cmd   *exec.Cmd
	say   io.WriteCloser
	hears *bufio.Scanner
}

func (u *unit) writer(names ...string) *writer {
	u.t.Helper()
	w := &writer{cmd: again("writes meanwhile", "POINT="+u.point, "NAMES="+strings.Join(names, " "))}
	out, err := w.cmd.StdoutPipe()
	require.NoError(u.t, err)
	w.say, err = w.cmd.StdinPipe()
	require.NoError(u.t, err)
	w.hears = bufio.NewScanner(out)
	require.NoError(u.t, w.cmd.Start())
	u.t.Cleanup(func() { w.cmd.Process.Kill(); w.cmd.Wait() })
	require.True(u.t, w.hears.Scan())
	require.Equal(u.t, "open", w.hears.Text())
	return w
}

// end has it go on, and returns what became of each of its files.
func (w *writer) end(t *testing.T) (lines []string) {
	t.Helper()
	_, err := w.say.Write([]byte{0})
	require.NoError(t, err)
	for w.hears.Scan() {
		lines = append(lines, w.hears.Text())
	}
	require.NoError(t, w.cmd.Wait())
	return lines
}

// What only the process has is not left to another one: the mount ends.
func TestWhatIsOnlyHereIsNotLeft(t *testing.T) {
	u := newUnit(t)
	u.start(writableUnit)
	w := u.writer("GREETING", ".GREETING.swp")
	u.stop("restart")
	requireFree(t, u.point)
	require.Empty(t, u.Stored())
	want := `cannot go on with the mount.*/demo/dev/(GREETING|\.GREETING\.swp) is open for writing by process ` + strconv.Itoa(w.cmd.Process.Pid)
	require.Regexp(t, want, u.stderr.String())
	w.end(t)
}

// A killed process has lost what was handed to it, and nobody is told otherwise. What was
// read is read on.
func TestWritableKilled(t *testing.T) {
	u := newUnit(t)
	u.start(writableUnit)
	held, err := os.Open(filepath.Join(u.point, "BIGGER"))
	require.NoError(t, err)
	w := u.writer("GREETING", "NEW", ".GREETING.swp")
	u.kill()
	u.start(writableUnit)
	lost := "true true true true" // all of it failed
	require.Equal(t, []string{lost, lost, lost}, w.end(t))
	require.NoError(t, is(string(bigger))(io.ReadAll(held)))
	require.NoError(t, held.Close())
	for _, name := range []string{"NEW", ".GREETING.swp"} {
		_, err = os.Lstat(filepath.Join(u.point, name))
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	u.is("hello, world")
	greeting := filepath.Join(u.point, "GREETING")
	require.NoError(t, os.WriteFile(greeting, []byte("written"), 0o600))
	require.NoError(t, is("written")(os.ReadFile(greeting)))
	u.stop("stop")
	requireFree(t, u.point)
}

// stuck is a server that takes no new value, and says so when it is sent one.
type stuck struct{ secret.Writer }

func (s stuck) Update(ctx context.Context, dir secret.Dir, name string, value secret.Value) (secret.Secret, error) {
	fmt.Fprintln(os.Stderr, "sent to nobody")
	<-ctx.Done()
	return secret.Secret{}, ctx.Err()
}

// Most programs save by a rename of a temporary file. If the process is killed meanwhile the
// file is lost with it, and the name that it was to get is there all the same: that is no sign
// that it was saved.
func TestSavingIsNotDoneBecauseTheNameIsThere(t *testing.T) {
	u := newUnit(t)
	u.start(writableUnit, "STUCK=yes")
	greeting := filepath.Join(u.point, "GREETING")
	require.NoError(t, os.WriteFile(greeting+".tmp", []byte("new"), 0o600))
	saved := make(chan error, 1)
	go func() { saved <- os.Rename(greeting+".tmp", greeting) }()
	require.Eventually(t, func() bool { return strings.Contains(u.stderr.String(), "sent to nobody") }, 20*time.Second, 5*time.Millisecond)
	u.kill()
	u.start(writableUnit)
	require.ErrorIs(t, <-saved, syscall.EIO)
	u.is("hello, world")
	u.stop("stop")
	requireFree(t, u.point)
}
