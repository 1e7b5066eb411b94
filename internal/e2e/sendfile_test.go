package e2e

import (
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

// sent is what sendfile(2) sends of an open file, as busybox's cat, shutil of Python and
// web servers read. For the kernel that is reading through the page cache, also where the
// file was opened with direct I/O.
func sent(t *testing.T, from *os.File) (string, error) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	_, err = unix.Sendfile(int(w.Fd()), int(from.Fd()), nil, 1<<16)
	w.Close()
	text, _ := io.ReadAll(r)
	return string(text), err
}

// The kernel does not let go of an inode that is bound into a container, or that somebody
// has found with O_PATH: its pages outlive versions. What a reader of an older version has
// put into them is not shown for a newer one.
func TestSendfileSendsOneVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devserver.Config{})
	m := w.mount(t, "admin", "--project=demo", "--env=dev", "--path=/")
	pin, err := unix.Open(m.path("GREETING"), unix.O_PATH|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(pin)
	open := func() *os.File {
		f, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", pin)) // the same inode, without a lookup
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		return f
	}
	change := func(value string) {
		w.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", "GREETING", value) })
		m.refresh(t)
		require.Eventually(t, func() bool {
			f := open()
			defer f.Close()
			text, _ := io.ReadAll(f)
			return string(text) == value
		}, 20*time.Second, 20*time.Millisecond)
	}
	text, err := sent(t, open())
	require.NoError(t, err)
	require.Equal(t, "hello, world", text)
	change("a second value")
	old := open()
	change("third")
	_, _ = sent(t, old) // whatever it gets of its version: this puts it into the pages
	text, err = sent(t, open())
	require.NoError(t, err)
	require.Equal(t, "third", text)
}
