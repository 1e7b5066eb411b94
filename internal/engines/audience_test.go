package engines

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// audience is who uses a mount while something happens to its process: the machine, and
// containers of both engines. Of each engine one had the directory around the mountpoint
// before there was a mount, and one has the mount itself.
type audience struct {
	w          *world
	dir        string // the mountpoint
	containers map[string]*container
	watchers   []*watcher
	step       int
}

// mounts are the directories of the mount in the containers.
var mounts = map[string]string{"early docker": "/s/m", "early podman": "/s/m", "docker": "/s", "podman": "/s"}

// audience starts the containers that come before the mount at w's "m".
func (w *world) audience() *audience {
	w.t.Helper()
	a := &audience{w: w, dir: filepath.Join(w.dir, "m"), containers: map[string]*container{}}
	for _, e := range []*engine{docker(w.t), podman(w.t)} {
		a.containers["early "+e.name] = e.start(w.t, "-v="+w.dir+":/s:ro,rslave")
	}
	return a
}

// enters starts the containers that come after it, and begins to watch everywhere.
func (a *audience) enters() {
	a.w.t.Helper()
	for _, e := range []*engine{docker(a.w.t), podman(a.w.t)} {
		a.containers[e.name] = e.start(a.w.t, "-v="+a.dir+":/s:ro,rslave")
	}
	for who, c := range a.containers {
		a.watchers = append(a.watchers, c.watch(mounts[who]))
	}
	a.watchers = append(a.watchers, watch(a.w.t, exec.Command("inotifywait", watchArgs(a.dir)...)))
}

// check wants all to read the value of now, and no container to write.
func (a *audience) check() {
	a.w.t.Helper()
	stored, _ := a.w.Lookup("demo", "dev", "/", "GREETING")
	for who, c := range a.containers {
		c.comes(stored.Value, "cat "+mounts[who]+"/GREETING")
		c.cannotWrite(mounts[who] + "/GREETING")
	}
	require.True(a.w.t, eventually(func() bool {
		text, err := os.ReadFile(filepath.Join(a.dir, "GREETING"))
		return err == nil && string(text) == stored.Value
	}))
}

// hears changes the secret, wants the watches of the beginning to tell of that, and
// returns when all readers have opened the file anew.
func (a *audience) hears(r *reading) {
	a.w.t.Helper()
	a.step++
	value := fmt.Sprintf("step %d", a.step)
	a.w.set("GREETING", value)
	for _, in := range a.watchers {
		in.hears("MODIFY GREETING")
	}
	require.True(a.w.t, eventually(func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, held := range r.held {
			if held != value {
				return false
			}
		}
		return true
	}))
}

// reading is what readers have met that open and read all the time.
type reading struct {
	end   chan struct{}
	group sync.WaitGroup

	mu     sync.Mutex // guards what follows
	reads  int
	failed []error
	closed []error           // ESTALE of files that had been opened, though there was no other version
	held   map[string]string // by file: the value for which it was opened last
}

// greetings are what the secret has as values here.
var greetings = regexp.MustCompile(`^(hello, world|step \d+)$`)

// reads has a reader for each place, the containers' through their own mounts, who opens and
// reads the secret each millisecond, and reads on in a file that stays open until there is a new value.
func (a *audience) reads() *reading {
	files := []string{filepath.Join(a.dir, "GREETING")}
	for who, c := range a.containers {
		files = append(files, filepath.Join("/proc", c.pid, "root", mounts[who], "GREETING"))
	}
	return readAll(files...)
}

// readAll has such a reader for each file.
func readAll(files ...string) *reading {
	r := &reading{end: make(chan struct{}), held: map[string]string{}}
	for _, file := range files {
		r.group.Go(func() { r.read(file) })
	}
	return r
}

func (r *reading) read(file string) {
	var held *os.File
	defer func() { held.Close() }()
	for {
		text, err := os.ReadFile(file)
		if err == nil && !greetings.Match(text) {
			err = fmt.Errorf("%s: the value is %q", file, text)
		}
		r.count(err)
		if err == nil && (held == nil || r.isNew(file, string(text))) {
			held.Close()
			held, err = os.Open(file)
			r.count(err)
		}
		if held != nil {
			if _, err = held.ReadAt(make([]byte, 1), 0); errors.Is(err, unix.ESTALE) {
				r.stale(file, err)
				held.Close()
				held = nil
			} else {
				r.count(err)
			}
		}
		select {
		case <-time.After(time.Millisecond):
		case <-r.end:
			return
		}
	}
}

// stale takes an ESTALE of a file that was open. Once there is another version it may say so.
func (r *reading) stale(file string, stale error) {
	text, err := os.ReadFile(file)
	r.count(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil && r.held[file] == string(text) {
		r.closed = append(r.closed, stale)
	}
}

// isNew reports whether a value has to be opened anew.
func (r *reading) isNew(file, value string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held[file] == value {
		return false
	}
	r.held[file] = value
	return true
}

func (r *reading) count(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	switch {
	case errors.Is(err, unix.ESTALE):
		r.closed = append(r.closed, err)
	case err != nil && len(r.failed) < 20:
		r.failed = append(r.failed, err)
	}
}

// stop ends the readers, of whom none may have met a failure.
func (r *reading) stop(t *testing.T) {
	t.Helper()
	close(r.end)
	r.group.Wait()
	t.Log("reads: ", r.reads)
	require.NotZero(t, r.reads)
	require.Empty(t, r.failed)
}

// none wants that also what was open could be read all the time.
func (r *reading) none(t *testing.T) {
	t.Helper()
	r.stop(t)
	require.Empty(t, r.closed)
}
