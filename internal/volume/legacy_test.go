//go:build linux

package volume

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
	"infisicalfs/internal/systemd/systemdtest"
)

// unit is a service manager and the service that it has started last.
type unit struct {
	*world
	*systemdtest.Manager
	now *service
}

func (w *world) unit() *unit {
	w.Helper()
	u := &unit{world: w, Manager: systemdtest.New(w.T)}
	u.start()
	return u
}

func (u *unit) start(environment ...string) {
	u.world.Helper()
	u.now = u.startBy(func(cmd *exec.Cmd) { u.Start(u.T, cmd) }, environment...)
	u.Until(u.T, "READY=1")
}

// does has the service do something, without an error.
func (u *unit) does(lines ...string) {
	u.world.Helper()
	for _, line := range lines {
		u.now.ask(line)
		require.Equal(u.world, "done <nil>", u.now.answer(), line)
	}
}

// stop ends the service because of a job.
func (u *unit) stop(job string) {
	u.world.Helper()
	u.SetJob(job)
	require.NoError(u.world, u.now.cmd.Process.Signal(unix.SIGTERM))
	require.NoError(u.world, u.now.cmd.Wait())
	u.SetJob("")
}

// readers read a secret in some volumes all the time.
type readers struct {
	over  atomic.Bool
	group sync.WaitGroup
	count atomic.Int64

	mu     sync.Mutex // guards failed
	failed []error
}

func (w *world) readers(volumes ...string) *readers {
	r := new(readers)
	for _, name := range volumes {
		file := filepath.Join(w.base, name, "GREETING")
		r.group.Go(func() {
			for !r.over.Load() {
				text, err := os.ReadFile(file)
				if err == nil && string(text) != "hello, world" {
					err = fmt.Errorf("%s has %q", file, text)
				}
				r.count.Add(1)
				if err != nil {
					r.mu.Lock()
					r.failed = append(r.failed, err)
					r.mu.Unlock()
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	return r
}

// stop wants no read to have failed.
func (r *readers) stop(t *testing.T) {
	t.Helper()
	r.end(t)
	require.Empty(t, r.failed)
}

func (r *readers) end(t *testing.T) {
	t.Helper()
	r.over.Store(true)
	r.group.Wait()
	require.NotZero(t, r.count.Load())
}

// stopKilled is stop after a kill: a request that the process was being given just then, or was
// answering, the kernel ends with EIO.
func (r *readers) stopKilled(t *testing.T) {
	t.Helper()
	r.end(t)
	require.LessOrEqual(t, len(r.failed), 1)
	for _, err := range r.failed {
		require.ErrorIs(t, err, unix.EIO)
	}
}

// The service is restarted, and killed, under those who use its volumes: no read fails that the process
// was not just at, what is open can be read on, and a container sees nothing of it. What is mounted later takes part.
func TestRestartedAndKilledUnnoticed(t *testing.T) {
	w := newWorld(t)
	u := w.unit()
	u.does("create a", "mount a 1", "create b path=/payments", "mount b 1", "create idle", "create linked layout=k8s", "mount linked 1")
	w.reads(filepath.Join(w.base, "linked/..data/GREETING"), "hello, world")
	generation, err := os.Readlink(filepath.Join(w.base, "linked/..data"))
	require.NoError(t, err)
	held, err := os.Open(filepath.Join(w.base, "a/GREETING"))
	require.NoError(t, err)
	defer held.Close()
	names, err := os.Open(filepath.Join(w.base, "b"))
	require.NoError(t, err)
	defer names.Close()
	c := w.reader(filepath.Join(w.base, "a"))
	kept := []string{"fuse-a", "fuse-b", "fuse-linked", "state-a", "state-b", "state-linked"}
	require.Equal(t, kept, u.Stored())
	for i := range 4 {
		r, linked, done := w.readers("a"), w.readers("linked"), (*readers).stop
		if i%2 == 0 {
			u.stop("restart")
		} else {
			u.now.kill()
			done = (*readers).stopKilled
		}
		u.start()
		w.reads(filepath.Join(w.base, "b/STRIPE_KEY"), "fake-stripe-key-for-demonstration")
		done(r, t)
		done(linked, t)
		require.Equal(t, "hello, world", c.ask())
		now, err := os.Readlink(filepath.Join(w.base, "linked/..data"))
		require.NoError(t, err)
		require.Equal(t, generation, now)
		list, err := names.Readdirnames(-1)
		require.NoError(t, err)
		require.NotEmpty(t, list)
		_, err = names.Seek(0, io.SeekStart)
		require.NoError(t, err)
		require.Equal(t, kept, u.Stored())
		require.ElementsMatch(t, []string{"a", "b", "linked"}, w.live())
	}
	r := w.readers("a")
	u.does("create late", "mount late 1", "unmount b 1", "unmount linked 1")
	require.Equal(t, []string{"fuse-a", "fuse-late", "state-a", "state-late"}, u.Stored())
	u.stop("restart")
	u.start()
	w.reads(filepath.Join(w.base, "late/GREETING"), "hello, world")
	text, err := io.ReadAll(held)
	require.NoError(t, err)
	require.Equal(t, "hello, world", string(text))
	r.stop(t)

	// A stop leaves them dead, as without a manager.
	u.stop("stop")
	require.Empty(t, u.Stored())
	require.Contains(t, c.ask(), "not connected")
	u.start()
	w.readsOn(c, "hello, world")
	u.does("unmount a 1", "unmount late 1")
	require.Empty(t, u.Stored())
}

// edit changes what the state has of each volume.
func (w *world) edit(change func(*record)) {
	w.Helper()
	records, err := readState(w.state)
	require.NoError(w, err)
	var list [][]byte
	for _, r := range records {
		change(&r)
		text, err := r.encode()
		require.NoError(w, err)
		list = append(list, text)
	}
	require.NoError(w, writeState(w.state, list))
}

// The next process serves before it knows whether the server answers: after a restart what was
// known, after a crash an outage, and never an absence.
func TestServedInAnOutage(t *testing.T) {
	w := newWorld(t)
	u := w.unit()
	u.does("create a", "mount a 1")
	held, err := os.Open(filepath.Join(w.base, "a/GREETING"))
	require.NoError(t, err)
	defer held.Close()
	heal := w.Inject(devserver.Fault{Status: 503, Body: "{}"})
	r := w.readers("a")
	u.stop("restart")
	u.start()
	r.stop(t)
	heal()
	u.now.kill()
	heal = w.Inject(devserver.Fault{Status: 503, Body: "{}"})
	u.start()
	_, err = os.ReadFile(filepath.Join(w.base, "a/NUMBER")) // nothing of which anybody knows
	require.ErrorIs(t, err, unix.EIO)
	heal()
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(filepath.Join(w.base, "a/GREETING"))
		return err == nil && string(text) == "hello, world"
	}, 20*time.Second, 10*time.Millisecond)
	text, err := io.ReadAll(held)
	require.NoError(t, err)
	require.Equal(t, "hello, world", string(text))
}

// What cannot be gone on with is one volume's trouble: that is mounted anew.
func TestOneOfManyIsNotKept(t *testing.T) {
	w := newWorld(t)
	u := w.unit()
	u.does("create a", "mount a 1", "create b", "mount b 1", "create gone", "mount gone 1", "create written write=true", "mount written 1")
	open := map[string]*os.File{}
	for _, name := range []string{"a", "b", "gone", "written"} {
		f, err := os.Open(filepath.Join(w.base, name, "GREETING"))
		require.NoError(t, err)
		defer f.Close()
		open[name] = f
	}
	reads := func(name string) error {
		_, err := open[name].ReadAt(make([]byte, 1), 0)
		return err
	}
	r := w.readers("b")
	u.stop("restart")
	u.Drop("state-a")
	w.edit(func(r *record) {
		if r.Name == "gone" {
			r.Users = nil
		}
	})
	u.start()
	require.NoError(t, reads("b"))
	require.Error(t, reads("a"))
	require.NoError(t, reads("written"))
	w.reads(filepath.Join(w.base, "a/GREETING"), "hello, world")
	require.Error(t, reads("gone"))
	require.ElementsMatch(t, []string{"a", "b", "written"}, w.live())

	// Nor is one that somebody is writing in, without harm to the others.
	held, err := os.Create(filepath.Join(w.base, "written/NEW"))
	require.NoError(t, err)
	defer held.Close()
	_, err = held.WriteString("unsent")
	require.NoError(t, err)
	u.stop("restart")
	require.NotContains(t, u.Stored(), "fuse-written")
	u.start()
	require.Error(t, reads("written"))
	w.reads(filepath.Join(w.base, "written/GREETING"), "hello, world")
	r.stop(t)
}

// A volume that is unmounted while somebody has it, and mounted again, is another mount: what is
// kept is of that, also when the first one ends.
func TestKeptIsWhatIsMountedNow(t *testing.T) {
	w := newWorld(t)
	u := w.unit()
	u.does("create a", "mount a 1")
	held, err := os.Open(filepath.Join(w.base, "a/GREETING"))
	require.NoError(t, err)
	u.does("unmount a 1")
	require.Empty(t, u.Stored())
	u.does("mount a 1")
	require.Equal(t, []string{"fuse-a", "state-a"}, u.Stored())
	require.NoError(t, held.Close())
	r := w.readers("a")
	u.stop("restart")
	require.Equal(t, []string{"fuse-a", "known-a", "state-a"}, u.Stored())
	u.start()
	require.Equal(t, []string{"fuse-a", "state-a"}, u.Stored())
	r.stop(t)
	w.reads(filepath.Join(w.base, "a/GREETING"), "hello, world")
}

// Another identity goes on with nothing of what one was shown, and one that is not known
// leaves nothing.
func TestAnotherIdentityBeginsAnew(t *testing.T) {
	w := newWorld(t)
	u := w.unit()
	u.does("create a", "mount a 1")
	file := filepath.Join(w.base, "a/GREETING")
	held, err := os.Open(file)
	require.NoError(t, err)
	defer held.Close()
	u.stop("restart")
	u.start("IDENTITY=another")
	w.reads(file, "hello, world")
	_, err = held.ReadAt(make([]byte, 1), 0)
	require.Error(t, err)
	u.stop("restart")
	u.start("IDENTITY=")
	w.reads(file, "hello, world")
	require.Empty(t, u.Stored())
}

// Nor does what was read by who logged in later go on under the name of who did at first, which the
// next process may be again.
func TestWhatWasReadAsAnotherDoesNotGoOn(t *testing.T) {
	w := newWorld(t)
	u := w.unit()
	viewer := w.Credentials("viewer")
	u.does("create a", "mount a 1", "become "+viewer.ClientID+" "+viewer.ClientSecret, "create late", "mount late 1")
	w.reads(filepath.Join(w.base, "late/GREETING"), "hello, world")
	u.stop("restart")
	require.Equal(t, []string{"fuse-a", "fuse-late", "state-a", "state-late"}, u.Stored())
	u.start()
	w.reads(filepath.Join(w.base, "late/GREETING"), "hello, world")
}
