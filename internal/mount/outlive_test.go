//go:build linux

package mount

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/fs"
	"infisicalfs/internal/mount/internal/journal"
	"infisicalfs/internal/systemd"
	"infisicalfs/internal/systemd/systemdtest"
	"infisicalfs/secret"
)

// service is a process of a unit: it goes on with what was left, or mounts, and ends as
// the service manager wants. SETTINGS are its settings, VOLUME is its name, AWAY has the server
// away, WAITS has it wait for an answer of its own mount, PRIVATE keep what it knows to itself,
// REFUSED has its login refused, WRITABLE lets it be written, STUCK has the server take no value, CHANGES has somebody else have
// changed a secret, MOVED has the process before have renamed some, TELLTALES is the version
// of those. LINKS has secrets be links into generations,
// FULL has the kernel open files by itself.
func service() error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	volume := os.Getenv("VOLUME")
	var legacy *Legacy
	if volume == "" {
		legacy = ReceiveLegacy(log)
	} else {
		all, _ := ReceiveLegacies(ServiceManager{}, log)
		legacy = all[volume]
	}
	up := sample()
	for range os.Getenv("VALUE") { // another length has another revision
		up.Set(devDir, "CHANGED", os.Getenv("VALUE"))
	}
	up.Set(devDir, "BIGGER", string(bigger))
	up.Set(devDir.Child("sub"), "INSIDE", "a value")
	if version, err := strconv.Atoi(os.Getenv("TELLTALES")); err == nil {
		setTelltales(up, version)
	}
	if os.Getenv("CHANGES") != "" {
		up.Set(devDir, "CHANGED", "by somebody else")
	}
	if os.Getenv("MOVED") != "" {
		ctx, w := context.Background(), up.Writer()
		if _, err := w.Rename(ctx, devDir, "BIGGER", "LARGER"); err != nil {
			return err
		}
		if err := w.RenameFolder(ctx, devDir, "sub", "other"); err != nil {
			return err
		}
	}
	if os.Getenv("LINKS") != "" || os.Getenv("FULL") != "" {
		if err := sameDates(up); err != nil {
			return err
		}
	}
	if os.Getenv("AWAY") != "" {
		up.FailAll(secret.ErrUnavailable)
	}
	if os.Getenv("REFUSED") != "" {
		up.FailAll(secret.ErrUnauthenticated)
	}
	cfg := readOnly(os.Getenv("POINT"), up)
	cfg.Settings, cfg.Volume, cfg.Log = os.Getenv("SETTINGS"), volume, log
	if os.Getenv("WRITABLE") != "" {
		cfg.Writer = up.Writer()
	}
	if os.Getenv("LINKS") != "" {
		cfg.Layout.Kind = "k8s"
	}
	if os.Getenv("FULL") != "" {
		cfg.FS.KernelCache = fs.CacheFull
	}
	if os.Getenv("STUCK") != "" {
		cfg.Writer = stuck{cfg.Writer}
	}
	if os.Getenv("WAITS") != "" {
		cfg.Cache.TTL = time.Nanosecond // each lookup asks
	}
	var m *Mount
	var err error
	if legacy.Fits(cfg) {
		m, err = GoOn(cfg, legacy)
	}
	if m == nil {
		m, err = New(context.Background(), cfg)
	}
	if err != nil {
		return err
	}
	if os.Getenv("PRIVATE") != "" {
		m.KeepToItself()
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGTERM)
	m.Supervise()
	if os.Getenv("WAITS") != "" {
		waitForOwnLookup(m, up)
	}
	select {
	case <-stop:
		return m.Finish()
	case <-m.Done():
		return m.Wait()
	}
}

// unit is a service manager, and the mount that its unit serves.
type unit struct {
	*systemdtest.Manager
	t      testing.TB
	point  string
	main   *exec.Cmd
	stderr *syncBuffer
}

func newUnit(t testing.TB) *unit {
	needFUSE(t)
	u := &unit{Manager: systemdtest.New(t), t: t, point: directory(t), stderr: new(syncBuffer)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the processes have said: %s", u.stderr.String())
		}
	})
	return u
}

// start starts a process of the unit, and returns when it is ready.
func (u *unit) start(environment ...string) {
	u.t.Helper()
	u.main = again("service", append([]string{"POINT=" + u.point, "SETTINGS=all alike", "VALUE=one", manyProcessors}, environment...)...)
	u.main.Stderr = u.stderr
	cmd := u.main
	u.Start(u.t, cmd)
	u.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	u.Until(u.t, "READY=1")
}

// stop has the process end, because of a job.
func (u *unit) stop(job string) {
	u.t.Helper()
	u.SetJob(job)
	require.NoError(u.t, u.main.Process.Signal(unix.SIGTERM))
	require.NoError(u.t, u.main.Wait(), "%s", u.stderr.String())
	u.SetJob("")
}

func (u *unit) kill() {
	u.t.Helper()
	require.NoError(u.t, u.main.Process.Kill())
	require.Error(u.t, u.main.Wait())
}

func (u *unit) is(want string) {
	u.t.Helper()
	got, err := os.ReadFile(filepath.Join(u.point, "GREETING"))
	require.NoError(u.t, err, "%s", u.stderr.String())
	require.Equal(u.t, want, string(got))
	require.Equal(u.t, 1, depth(u.t, u.point))
}

// The unit is restarted again and again, and programs that use the mount all the time do not
// notice.
func TestRestartedUnnoticed(t *testing.T) {
	u := newUnit(t)
	u.start()
	r := &reader{t: t, point: u.point}
	r.all()
	for range 5 {
		u.stop("restart")
		u.start()
		require.Equal(t, []string{"fuse", "state"}, u.Stored())
	}
	r.stop()
	u.stop("stop")
	requireFree(t, u.point)
	require.Empty(t, u.Stored())
}

// What is kept of a mount with a name has that name, and is nobody else's.
func TestNamedIsToldApart(t *testing.T) {
	u := newUnit(t)
	u.start("VOLUME=shop-1")
	held, err := os.Open(filepath.Join(u.point, "BIGGER"))
	require.NoError(t, err)
	defer held.Close()
	for range 2 {
		u.stop("restart")
		u.start("VOLUME=shop-1")
		require.Equal(t, []string{"fuse-shop-1", "state-shop-1"}, u.Stored())
	}
	require.NoError(t, is(string(bigger))(io.ReadAll(held)))
	held, err = os.Open(filepath.Join(u.point, "sub/INSIDE")) // nothing of which the kernel has
	require.NoError(t, err)
	defer held.Close()
	u.stop("restart")
	u.start() // has no names, so it makes a mount of its own
	u.is("hello, world")
	require.Equal(t, []string{"fuse", "state"}, u.Stored())
	_, err = held.Read(make([]byte, 10))
	require.Error(t, err)
	u.stop("stop")
	requireFree(t, u.point)

	for name, want := range map[string][2]string{
		"fuse": {"fuse", ""}, "state-a-b": {"state", "a-b"},
		"fuse-": {}, "other": {}, "other-fuse": {}, "": {}, "-shop": {},
	} {
		kind, volume := keptOf(name)
		require.Equal(t, want, [2]string{kind, volume}, name)
		if kind != "" {
			require.Equal(t, name, keptName(kind, volume))
		}
	}
}

// Only what the manager has said to follow is waited for.
func TestAnEndThatNobodyFollowsUnmounts(t *testing.T) {
	u := newUnit(t)
	for _, end := range []func(){
		func() { u.stop("") },
		func() { u.stop("stop") },
		func() { u.Flush(); u.stop("restart") }, // it keeps nothing
		func() { require.NoError(t, unmounted(t.Context(), u.point)); require.NoError(t, u.main.Wait()) },
	} {
		u.start()
		u.is("hello, world")
		end()
		requireFree(t, u.point)
		require.Empty(t, u.Stored())
	}
	u.start()
	u.Mute()
	u.stop("restart")
	requireFree(t, u.point)
}

// The next process serves before it knows whether the server answers: during an outage it
// shows what the one before has known, also through several processes, and nobody's read
// fails. What the service manager had to keep for that it
// keeps only in between.
func TestRestartedInAnOutage(t *testing.T) {
	u := newUnit(t)
	u.start()
	r := &reader{t: t, point: u.point}
	r.reads("GREETING", "hello, world")
	away := &reader{t: t, point: u.point}
	away.reads("CHANGED", "one") // until the server is back
	r.begin("an absent name", func() error {
		if _, err := os.Lstat(r.path("ABSENT")); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("it is there: %w", err)
		}
		return nil
	})
	for range 3 {
		u.stop("restart")
		require.Equal(t, []string{"fuse", "known", "state"}, u.Stored())
		u.start("AWAY=yes")
		require.Equal(t, []string{"fuse", "state"}, u.Stored())
	}
	away.stop()
	u.stop("restart")
	u.start("VALUE=another") // and the server is asked at once, however fresh all is
	require.Eventually(t, func() bool { return is("another")(os.ReadFile(r.path("CHANGED"))) == nil }, 20*time.Second, 5*time.Millisecond)
	r.stop()
	u.stop("stop")
	require.Empty(t, u.Stored())
}

// Nothing that a killed process has known is anywhere, nor is what was known under other
// settings shown.
func TestWhatDoesNotGoOn(t *testing.T) {
	u := newUnit(t)
	u.start()
	u.is("hello, world")
	u.kill()
	require.Equal(t, []string{"fuse", "state"}, u.Stored())
	u.start("AWAY=yes")
	_, err := os.ReadFile(filepath.Join(u.point, "GREETING"))
	require.ErrorIs(t, err, syscall.EIO)
	u.stop("restart")
	u.start()
	u.is("hello, world")
	u.stop("restart")
	u.start("SETTINGS=others", "VALUE=another")
	require.NoError(t, is("another")(os.ReadFile(filepath.Join(u.point, "CHANGED"))))
	require.Equal(t, []string{"fuse", "state"}, u.Stored())
	u.stop("restart")

	// One that is not what this version writes is passed over.
	u.Drop("known")
	fd, err := unix.MemfdCreate("test", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	require.NoError(t, err)
	t.Setenv("NOTIFY_SOCKET", u.Socket())
	require.NoError(t, systemd.Store("known", fd))
	require.NoError(t, unix.Close(fd))
	u.Until(t, "FDNAME=known")
	u.start("SETTINGS=others", "AWAY=yes")
	require.Contains(t, u.stderr.String(), "it is not sealed")
	_, err = os.ReadFile(filepath.Join(u.point, "GREETING"))
	require.ErrorIs(t, err, syscall.EIO)
	u.stop("restart")

	// Nor for long what the next process's login may not see, however fresh it is.
	u.start("SETTINGS=others")
	u.is("hello, world")
	u.stop("restart")
	require.Equal(t, []string{"fuse", "known", "state"}, u.Stored())
	u.start("SETTINGS=others", "REFUSED=yes")
	require.Eventually(t, func() bool {
		_, err := os.ReadFile(filepath.Join(u.point, "GREETING"))
		return errors.Is(err, syscall.EACCES)
	}, 20*time.Second, 5*time.Millisecond)
	u.stop("restart")
	require.Equal(t, []string{"fuse", "state"}, u.Stored())

	// Nor is what another identity was shown meanwhile.
	u.start("PRIVATE=yes")
	u.is("hello, world")
	u.stop("restart")
	require.Equal(t, []string{"fuse", "state"}, u.Stored())
	u.start()
	u.stop("stop")
	require.Empty(t, u.Stored())
}

// A killed process is followed by one that answers whoever waited, and goes on with what
// programs have open.
func TestKilledUnnoticed(t *testing.T) {
	u := newUnit(t)
	u.start()
	held, err := os.Open(filepath.Join(u.point, "BIGGER"))
	require.NoError(t, err)
	dir, err := os.Open(filepath.Join(u.point, "sub"))
	require.NoError(t, err)
	for i := range 4 {
		u.caughtUp(i)
		u.kill()
		answer := make(chan error, 1)
		go func() { answer <- is("a value")(os.ReadFile(filepath.Join(u.point, "sub/INSIDE"))) }()
		u.start()
		require.NoError(t, <-answer, i)
		u.is("hello, world")
		part := make([]byte, 4096)
		_, err := held.ReadAt(part, 8192)
		require.NoError(t, err, i)
		require.NoError(t, is(string(bigger[8192:8192+4096]))(part, nil))
		names, err := dir.Readdirnames(-1)
		require.NoError(t, is("[INSIDE]")([]byte(fmt.Sprint(names)), err))
		_, err = dir.Seek(0, io.SeekStart)
		require.NoError(t, err)
	}
	require.NoError(t, held.Close())
	require.NoError(t, dir.Close())
	u.stop("restart") // and in order
	u.start()
	u.is("hello, world")
	u.stop("stop")
	requireFree(t, u.point)
}

// caughtUp waits until the process that has followed so many others tells the kernel
// nothing more: one that is killed while it does may wait for whom it was to answer.
func (u *unit) caughtUp(kills int) {
	u.t.Helper()
	require.Eventually(u.t, func() bool { return strings.Count(u.stderr.String(), "caught up") == kills }, 20*time.Second, 5*time.Millisecond)
}

// What does not fit is given up, and a new mount is in its place: dead is what programs
// had open, and nothing hangs.
func TestWhatWasLeftAndDoesNotFit(t *testing.T) {
	u := newUnit(t)
	for name, next := range map[string]func(){
		"other settings":             func() { u.start("SETTINGS=others") },
		"one part":                   func() { u.Drop("state"); u.start() },
		"the other part":             func() { u.Drop("fuse"); u.start() },
		"not in the tree":            func() { require.NoError(t, unix.Unmount(u.point, unix.MNT_DETACH)); u.start() },
		"too many have tried before": func() { u.tried(maxTries); u.start() },
	} {
		u.start()
		held, err := os.Open(filepath.Join(u.point, "BIGGER"))
		require.NoError(t, err)
		u.stop("restart")
		next()
		u.is("hello, world")
		_, err = held.ReadAt(make([]byte, 10), 8192)
		require.Error(t, err, name)
		require.NoError(t, held.Close())
		require.Equal(t, []string{"fuse", "state"}, u.Stored(), name)
		u.stop("stop")
		requireFree(t, u.point)
	}
}

// tried has as many processes come to nothing after they have seen what was left.
func (u *unit) tried(times int) {
	j, _, err := journal.Open(u.Kept(u.t, keptState))
	require.NoError(u.t, err)
	defer j.Close()
	require.NoError(u.t, j.Put(blobTries, make([]byte, times)))
}
