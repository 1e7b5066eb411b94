//go:build linux

package mount

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// reader does what programs do with a mount, over and over, and notes what fails.
type reader struct {
	t     *testing.T
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

// reads opens a file and reads it, over and over.
func (r *reader) reads(name, want string) {
	r.begin("open and read "+name, func() error { return is(want)(os.ReadFile(r.path(name))) })
}

// lacks looks for files that are not there, over and over.
func (r *reader) lacks(names ...string) {
	r.begin("an absent name", func() error {
		for _, name := range names {
			if _, err := os.Lstat(r.path(name)); !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("it is there: %w", err)
			}
		}
		return nil
	})
}

// walks walks all of the mount, over and over.
func (r *reader) walks() {
	r.begin("walk", func() error {
		return filepath.WalkDir(r.point, func(_ string, _ os.DirEntry, err error) error { return err })
	})
}

// holds keeps a file of which more is read than the kernel reads at once, and reads it and asks
// for its size, over and over.
func (r *reader) holds(what string, f *os.File, err error) {
	require.NoError(r.t, err)
	r.held = append(r.held, f)
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
	r.begin("fstat of "+what, func() error {
		info, err := f.Stat()
		if err == nil && info.Size() != int64(len(bigger)) {
			err = fmt.Errorf("a size of %d", info.Size())
		}
		return err
	})
}

// lists keeps a directory and lists it, over and over.
func (r *reader) lists(name, want string) (dir *os.File) {
	dir, err := os.Open(r.path(name))
	require.NoError(r.t, err)
	r.held = append(r.held, dir)
	r.begin("list a held directory", func() error {
		if _, err := dir.Seek(0, io.SeekStart); err != nil {
			return err
		}
		names, err := dir.Readdirnames(-1)
		slices.Sort(names)
		return is(want)([]byte(fmt.Sprint(names)), err)
	})
	return dir
}

// all does what programs do with a mount in which nothing changes that they look at.
func (r *reader) all() {
	r.reads("GREETING", "hello, world")
	r.reads("sub/INSIDE", "a value")
	r.begin("read past the cache", func() error {
		f, err := r.direct("GREETING")
		if err != nil {
			return err
		}
		defer f.Close()
		return is("hello, world")(io.ReadAll(f))
	})
	held, err := os.Open(r.path("BIGGER"))
	r.holds("a held file", held, err)
	direct, err := r.direct("BIGGER")
	r.holds("a held file past the cache", direct, err)
	r.lists("sub", "[INSIDE]")
	r.lacks("ABSENT")
	r.walks()
}

func (r *reader) stop() {
	r.over.Store(true)
	r.group.Wait()
	for _, f := range r.held {
		require.NoError(r.t, f.Close())
	}
	require.NoError(r.t, errors.Join(r.failed...))
	r.t.Logf("%d accesses", r.count.Load())
}
