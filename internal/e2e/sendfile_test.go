package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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
	first := open()
	text, err := sent(t, first)
	require.NoError(t, err)
	require.Equal(t, "hello, world", text)
	require.NoError(t, first.Close())
	change("a second value")
	old, sender := open(), open()
	text, err = sent(t, sender) // this puts it into the pages
	require.NoError(t, err)
	require.Equal(t, "a second value", text)
	require.NoError(t, sender.Close())
	change("third")
	_, err = sent(t, old)
	require.ErrorIs(t, err, unix.EINVAL, "the kernel would end it where the other one ends")

	// While both are open the kernel has no pages for either: EINVAL has programs read.
	newest := open()
	_, err = sent(t, newest)
	require.ErrorIs(t, err, unix.EINVAL)
	whole, err := io.ReadAll(newest)
	require.NoError(t, err)
	require.Equal(t, "third", string(whole))
	copied := filepath.Join(t.TempDir(), "copy")
	for _, program := range [][]string{
		{"busybox", "cat", m.path("GREETING")},
		{"sh", "-c", `cp "$0" "$1" && cat "$1"`, m.path("GREETING"), copied},
		{"python3", "-c", `import shutil, sys; shutil.copyfile(sys.argv[1], sys.argv[2]); print(open(sys.argv[2]).read(), end="")`, m.path("GREETING"), copied},
	} {
		out, err := exec.Command(program[0], program[1:]...).CombinedOutput()
		require.NoError(t, err, "%s: %s", program, out)
		require.Equal(t, "third", string(out), program)
	}
	_, err = newest.Seek(0, io.SeekStart)
	require.NoError(t, err)
	to, err := os.Create(copied)
	require.NoError(t, err)
	defer to.Close()
	n, err := io.Copy(to, newest) // copy_file_range(2)
	require.NoError(t, err)
	require.EqualValues(t, len("third"), n)
	require.NoError(t, old.Close())
	require.Eventually(t, func() bool {
		text, err = sent(t, open())
		require.True(t, err != nil || text == "third", text)
		return err == nil
	}, 20*time.Second, 20*time.Millisecond)
}
