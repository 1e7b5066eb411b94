//go:build linux

package mount

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/fs"
	"infisicalfs/internal/control"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mount/internal/handover"
	"infisicalfs/secret"
)

// readOnly is a mount that another process could go on with.
func readOnly(point string, up secret.Upstream) Config {
	cfg := config(point, up)
	cfg.Settings, cfg.FS.Notify = "all alike", NotifyFull
	return cfg
}

// bigger is more than fits into what the kernel reads at once from a file without cache.
var bigger = bytes.Repeat([]byte("0123456789abcdef"), 1024)

// next serves a mount after another process, or first. VALUE is what the secret has that
// tests change. AWAY has the server away, as is found out by logging in if it is "login". FORMATS
// are those that it speaks, if not all. LINKS has secrets be links into generations,
// FULL has the kernel open files by itself.
func next() error {
	if only := os.Getenv("FORMATS"); only != "" {
		handover.Formats = nil
		for format := range strings.FieldsSeq(only) {
			n, err := strconv.Atoi(format)
			if err != nil {
				return err
			}
			handover.Formats = append(handover.Formats, n)
		}
	}
	up := sample()
	up.Set(devDir, "CHANGED", os.Getenv("VALUE"))
	up.Set(devDir, "BIGGER", string(bigger))
	up.Set(devDir.Child("sub"), "INSIDE", "a value")
	cfg := readOnly(os.Getenv("POINT"), up)
	cfg.Replace = true
	if os.Getenv("LINKS") != "" {
		cfg.Layout.Kind = "k8s"
		if err := sameDates(up); err != nil {
			return err
		}
	}
	if os.Getenv("FULL") != "" {
		cfg.FS.KernelCache = fs.CacheFull
	}
	if away := os.Getenv("AWAY"); away != "" {
		up.FailAll(secret.ErrUnavailable)
		if away == "login" {
			cfg.Root, cfg.Away = secret.Dir{}, fmt.Errorf("log in: %w", secret.ErrUnavailable)
		}
	}
	cfg.FS.PersonalReadOnly = os.Getenv("PERSON") != ""
	m, err := New(context.Background(), cfg)
	if err != nil {
		return err
	}
	fmt.Print("mounted")
	return m.Wait()
}

// nextThatFails takes part in handing a mount over up to the step that STEP names, and
// fails there, or is stuck if WAITS is set. With OLDER it is a version that does not take what
// is known, and is not sent it.
func nextThatFails() error {
	top, err := findOurs(context.Background(), os.Getenv("POINT"))
	if err != nil {
		return err
	}
	formats := handover.Formats
	if os.Getenv("OLDER") != "" {
		formats = []int{handover.Whole, 1}
	}
	c, device, err := offered(top, formats)
	if err != nil {
		return err
	}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"document", func() error { return nil }},
		{"ready", func() error { return handover.Send(c, handover.Message{Word: handover.Ready}, -1) }},
		{"taken over", func() error {
			_, known, err := handover.Receive(c)
			if (known < 0) != (os.Getenv("OLDER") != "") {
				return errors.Join(err, fmt.Errorf("what is known came as descriptor %d", known))
			}
			return err
		}},
		{"read", func() error { // and does not answer
			_, err := unix.FcntlInt(uintptr(device), unix.F_SETFL, unix.O_RDWR)
			if err == nil {
				_, err = unix.Read(device, make([]byte, 1<<20))
			}
			return err
		}},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		if step.name != os.Getenv("STEP") {
			continue
		}
		fmt.Print("reached")
		if os.Getenv("WAITS") != "" {
			select {}
		}
		return errors.New("failing as told")
	}
	return errors.New("there is no such step")
}

// offered is offered the mount and returns the descriptor of its connection, once the
// one before us has come to its end.
func offered(top *mountinfo.Info, formats []int) (*net.UnixConn, int, error) {
	for {
		c, _, err := control.Open(context.Background(), behind(top), callReplace, map[string]string{wordSettings: "all alike"})
		if err != nil {
			return nil, -1, err
		}
		if err := handover.Send(c, handover.Message{Hello: formats}, -1); err == nil {
			if _, device, err := handover.Receive(c); err == nil {
				return c, device, nil
			}
		}
		c.Close()
		time.Sleep(10 * time.Millisecond)
	}
}

// manyProcessors has a process use what processors there are, also in a run with one: on
// a busy machine one cannot answer requests faster than they come, and a process that
// does not get to an end of them refuses to hand over.
const manyProcessors = "GOMAXPROCS="

// servedNext begins a process that goes on with the mount at point. Where the process
// before has no time for that, it serves on, and is asked again, as people are told to.
func servedNext(t testing.TB, point, value string, environment ...string) *exec.Cmd {
	t.Helper()
	for range 10 {
		cmd, said := askedNext(t, point, value, environment...)
		if said == "mounted" {
			return cmd
		}
		t.Log(said)
		require.Regexp(t, "a request takes long to answer|did not hand it over", said)
		_, err := ReadStatus(point)
		require.NoError(t, err, "nobody serves")
	}
	t.Fatal("nobody goes on with the mount")
	return nil
}

// askedNext begins a process that is to go on with the mount at point, and returns what that
// says first.
func askedNext(t testing.TB, point, value string, environment ...string) (cmd *exec.Cmd, said string) {
	t.Helper()
	cmd = again("next", append([]string{"POINT=" + point, "VALUE=" + value, manyProcessors}, environment...)...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	text := make([]byte, 4096)
	n, err := out.Read(text)
	require.NoError(t, err)
	return cmd, string(text[:n])
}

// reader does all that programs do with a mount, over and over, and notes what fails.
type reader struct {
	point string
	over  atomic.Bool
	group sync.WaitGroup
	count atomic.Int64

	held []*os.File

	mu     sync.Mutex // guards failed
	failed []error
}

func (r *reader) begin(what string, do func() error) {
	r.group.Go(func() {
		for !r.over.Load() {
			if err := do(); err != nil {
				r.mu.Lock()
				r.failed = append(r.failed, fmt.Errorf("%s: %w", what, err))
				r.mu.Unlock()
				return
			}
			r.count.Add(1)
			time.Sleep(time.Millisecond)
		}
	})
}

func (r *reader) path(name string) string { return filepath.Join(r.point, name) }

// is fails unless a read gave what was expected.
func is(want string) func(got []byte, err error) error {
	return func(got []byte, err error) error {
		if err == nil && string(got) != want {
			err = fmt.Errorf("read %.40q of %d bytes", got, len(got))
		}
		return err
	}
}

func (r *reader) direct(name string) (*os.File, error) {
	fd, err := unix.Open(r.path(name), unix.O_RDONLY|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	return os.NewFile(uintptr(fd), name), err
}

func (r *reader) all(t *testing.T) {
	r.begin("open and read", func() error { return is("hello, world")(os.ReadFile(r.path("GREETING"))) })
	r.begin("open and read in a folder", func() error { return is("a value")(os.ReadFile(r.path("sub/INSIDE"))) })
	r.begin("read past the cache", func() error {
		f, err := r.direct("GREETING")
		if err != nil {
			return err
		}
		defer f.Close()
		return is("hello, world")(io.ReadAll(f))
	})
	held, err := os.Open(r.path("BIGGER"))
	require.NoError(t, err)
	direct, err := r.direct("BIGGER")
	require.NoError(t, err)
	dir, err := os.Open(r.path("sub"))
	require.NoError(t, err)
	r.held = []*os.File{held, direct, dir}
	for what, f := range map[string]*os.File{"a held file": held, "a held file past the cache": direct} {
		off := 0
		r.begin(what, func() error {
			off = (off + 4096) % len(bigger)
			got := make([]byte, 4096)
			n, err := f.ReadAt(got, int64(off))
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return is(string(bigger[off:off+4096]))(got[:n], err)
		})
	}
	r.begin("fstat", func() error {
		info, err := held.Stat()
		if err == nil && info.Size() != int64(len(bigger)) {
			err = fmt.Errorf("a size of %d", info.Size())
		}
		return err
	})
	r.begin("list a held directory", func() error {
		if _, err := dir.Seek(0, io.SeekStart); err != nil {
			return err
		}
		names, err := dir.Readdirnames(-1)
		return is("[INSIDE]")([]byte(fmt.Sprint(names)), err)
	})
	r.begin("an absent name", func() error {
		if _, err := os.Lstat(r.path("ABSENT")); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("it is there: %w", err)
		}
		return nil
	})
	r.begin("walk", func() error {
		return filepath.WalkDir(r.point, func(_ string, _ os.DirEntry, err error) error { return err })
	})
}

func (r *reader) stop(t *testing.T) {
	r.over.Store(true)
	r.group.Wait()
	for _, f := range r.held {
		require.NoError(t, f.Close())
	}
	require.NoError(t, errors.Join(r.failed...))
	t.Logf("%d accesses", r.count.Load())
}

// Process after process goes on with a mount, and programs that use it all the time do
// not notice.
func TestReplacedUnnoticed(t *testing.T) {
	needFUSE(t)
	point := directory(t)
	serving := servedNext(t, point, "one")
	r := &reader{point: point}
	r.all(t)
	for range 10 {
		before := serving
		serving = servedNext(t, point, "one")
		require.NoError(t, before.Wait())
		require.Equal(t, 1, depth(t, point))
		s, err := ReadStatus(point)
		require.NoError(t, err)
		require.Equal(t, serving.Process.Pid, s.PID)
	}
	r.stop(t)
	require.NoError(t, unmounted(t.Context(), point))
	require.NoError(t, serving.Wait())
}

// In an outage process after process goes on with what the first has known, and programs
// that use the mount do not notice. When the server is back, what has changed is shown.
func TestReplacedInAnOutage(t *testing.T) {
	needFUSE(t)
	point := directory(t)
	serving := servedNext(t, point, "one")
	r := &reader{point: point}
	r.all(t)
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
	r.stop(t)
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
	r := &reader{point: point}
	r.all(t)
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
	r.stop(t)
	require.NoError(t, unmounted(t.Context(), point))
	require.NoError(t, serving.Wait())
}

// Who has read half of a value reads no half of another. What did not change is read on.
func TestNoMixtureOfVersions(t *testing.T) {
	needFUSE(t)
	point := directory(t)
	first := servedNext(t, point, "the old value, which is long")
	r := &reader{point: point}
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
	r := &reader{point: point}
	r.all(t)
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
	r.stop(t)
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
