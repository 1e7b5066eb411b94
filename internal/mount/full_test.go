//go:build linux

package mount

import (
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// opensItself does what programs do where the kernel opens files without asking.
func (r *reader) opensItself() {
	r.reads("GREETING", "hello, world")
	r.reads("sub/INSIDE", "a value")
	held, err := os.Open(r.path("BIGGER"))
	r.holds("a held file", held, err)
}

// soon waits until a file that is open shows that value, and until then nothing but the other.
func soon(t *testing.T, f *os.File, before, now string) {
	t.Helper()
	for over := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		got := make([]byte, 100)
		n, err := f.ReadAt(got, 0)
		require.ErrorIs(t, err, io.EOF)
		if string(got[:n]) == now {
			return
		}
		require.Equal(t, before, string(got[:n]))
		require.True(t, time.Now().Before(over), "it is %q for ever", before)
	}
}

// A mount that the kernel opens files of by itself outlives its process too. What it has kept
// of a file is not shown when that has changed, also if it looks alike from outside.
func TestWhatTheKernelOpensByItselfOutlives(t *testing.T) {
	for _, links := range []string{"", "LINKS=yes"} {
		u := newUnit(t)
		u.start("FULL=yes", links)
		r := &reader{t: t, point: u.point}
		r.opensItself()
		held, err := os.Open(r.path("CHANGED"))
		require.NoError(t, err)
		soon(t, held, "one", "one")
		for range 2 {
			u.stop("restart")
			u.start("FULL=yes", links)
		}
		u.stop("restart")
		u.start("FULL=yes", links, "AWAY=yes")
		if links != "" {
			r.stop() // what is held is of a generation that ends
		}
		u.stop("restart")
		u.start("FULL=yes", links, "VALUE=another")
		if links == "" { // as for who reads in pieces during a change
			soon(t, held, "one", "another")
		}
		require.Eventually(t, func() bool { return is("another")(os.ReadFile(r.path("CHANGED"))) == nil }, 20*time.Second, time.Millisecond)
		u.stop("restart")
		u.start("FULL=yes", links, "VALUE=four")
		require.Eventually(t, func() bool { return is("four")(os.ReadFile(r.path("CHANGED"))) == nil }, 20*time.Second, time.Millisecond)
		if links == "" {
			r.stop()
		}

		// After a kill in an outage nothing is known, nor is what the kernel has kept.
		u.kill()
		u.start("FULL=yes", links, "AWAY=yes")
		require.Eventually(t, func() bool {
			_, err := os.ReadFile(r.path("CHANGED"))
			return errors.Is(err, syscall.EIO)
		}, 20*time.Second, time.Millisecond)
		u.kill()
		u.start("FULL=yes", links, "VALUE=five") // as long as the one before, and of the same date
		require.Eventually(t, func() bool { return is("five")(os.ReadFile(r.path("CHANGED"))) == nil }, 20*time.Second, time.Millisecond)
		if links == "" {
			soon(t, held, "five", "five")
		} else {
			_, err = held.ReadAt(make([]byte, 10), 0)
			require.ErrorIs(t, err, syscall.ESTALE)
		}
		var st unix.Stat_t
		require.NoError(t, unix.Stat(r.path("CHANGED"), &st))
		require.EqualValues(t, len("five"), st.Size)
		require.NoError(t, held.Close())
		u.stop("stop")
		requireFree(t, u.point)
	}
}

// It can be replaced too, by a version that knows what to do with it.
func TestWhatTheKernelOpensByItselfIsReplaced(t *testing.T) {
	needFUSE(t)
	t.Setenv("FULL", "yes")
	point := directory(t)
	serving := servedNext(t, point, "one")
	r := &reader{t: t, point: point}
	r.opensItself()
	for range 3 {
		last := serving
		serving = servedNext(t, point, "one")
		require.NoError(t, last.Wait())
	}
	t.Setenv("FORMATS", "3 2 1")
	_, said := askedNext(t, point, "one")
	require.Contains(t, said, "no version in common")
	t.Setenv("FORMATS", "")
	held, err := os.Open(r.path("CHANGED"))
	require.NoError(t, err)
	soon(t, held, "one", "one")
	last := serving
	serving = servedNext(t, point, "two")
	require.NoError(t, last.Wait())
	soon(t, held, "one", "two")
	require.NoError(t, held.Close())
	r.stop()
	require.NoError(t, unmounted(t.Context(), point))
	require.NoError(t, serving.Wait())
}
