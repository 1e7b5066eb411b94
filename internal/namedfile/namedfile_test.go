package namedfile

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// long is more than any test here waits for what does happen.
const long = time.Minute

func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(path, 0o600))
	return path
}

func TestAPipeThatNobodyWritesToEnds(t *testing.T) {
	t.Parallel()
	_, err := readWithin(fifo(t), 100, 50*time.Millisecond)
	require.ErrorContains(t, err, "nobody wrote to it")
	require.ErrorAs(t, err, new(*os.PathError))
}

func TestAPipeWhoseWriterStaysEnds(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	_, err = w.WriteString("half")
	require.NoError(t, err)
	_, err = readWithin(fmt.Sprintf("/dev/fd/%d", r.Fd()), 100, 50*time.Millisecond)
	require.ErrorContains(t, err, "its writer did not come to an end")
	require.ErrorAs(t, err, new(*os.PathError))
}

func TestAPipeIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	path := fifo(t)
	wrote := make(chan error, 1)
	go func() { wrote <- os.WriteFile(path, []byte("value"), 0) }() // opens when the reader has
	text, err := readWithin(path, 100, long)
	require.NoError(t, err)
	require.Equal(t, "value", string(text))
	require.NoError(t, <-wrote)
}

func TestAPipeWhoseWriterIsGoneIsEmpty(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	require.NoError(t, w.Close())
	text, err := readWithin(fmt.Sprintf("/dev/fd/%d", r.Fd()), 100, long)
	require.NoError(t, err)
	require.Empty(t, text)
}

func TestFilesAndDevices(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte("a value"), 0o600))
	for name, want := range map[string]int{path: 4, "/dev/null": 0, "/dev/zero": 4} {
		text, err := readWithin(name, 4, long)
		require.NoError(t, err, name)
		require.Len(t, text, want, name)
	}
	_, err := readWithin(path+"s", 4, long)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = readWithin(t.TempDir(), 4, long)
	require.ErrorIs(t, err, unix.EISDIR)
}
