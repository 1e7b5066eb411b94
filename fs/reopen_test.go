package fs

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// What was removed while somebody has it open can be opened again by way of his
// descriptor, and by no name.
func TestReopeningWhatWasRemoved(t *testing.T) {
	w := newWorld(writing)
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	t.Cleanup(w.Close)
	path := mnt + "/demo/dev/GREETING"
	held, err := os.Open(path)
	require.NoError(t, err)
	defer held.Close()
	again := fmt.Sprintf("/proc/self/fd/%d", held.Fd())
	require.NoError(t, os.Remove(path))
	_, err = os.ReadFile(path)
	require.ErrorIs(t, err, unix.ENOENT)
	text, err := os.ReadFile(again)
	require.NoError(t, err)
	require.Equal(t, "hello, world", string(text))

	require.NoError(t, os.WriteFile(path, []byte("another"), 0o600))
	text, err = os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "another", string(text))
	require.NoError(t, os.Remove(path))

	// What may not be read any longer cannot be opened in that way either.
	w.Apply(secret.Change{Dir: dev, Err: secret.ErrDenied})
	_, err = os.ReadFile(again)
	require.Error(t, err)
}

// Whoever looks for holes in what it writes finds its own text to be one piece.
func TestHolesOfWhatIsWritten(t *testing.T) {
	w := newWorld(writing)
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	t.Cleanup(w.Close)
	for _, name := range []string{"NEW", "GREETING", ".NEW.tmp"} {
		fd, err := unix.Open(mnt+"/demo/dev/"+name, unix.O_RDWR|unix.O_CREAT|unix.O_TRUNC|unix.O_CLOEXEC, 0o600)
		require.NoError(t, err)
		_, err = unix.Write(fd, []byte("text"))
		require.NoError(t, err)
		for _, c := range []struct {
			from   int64
			whence int
			want   int64
			err    error
		}{
			{0, unix.SEEK_DATA, 0, nil},
			{2, unix.SEEK_DATA, 2, nil},
			{0, unix.SEEK_HOLE, 4, nil},
			{4, unix.SEEK_DATA, -1, unix.ENXIO},
			{4, unix.SEEK_HOLE, -1, unix.ENXIO},
		} {
			got, err := unix.Seek(fd, c.from, c.whence)
			require.Equal(t, c.err, err, "%s: %v", name, c)
			require.Equal(t, c.want, got, "%s: %v", name, c)
		}
		require.NoError(t, unix.Close(fd))
	}
}
