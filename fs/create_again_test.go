package fs

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// Who fails to create a file and tries again at once may meet what is left of
// the first attempt, but never hears that what he creates does not exist.
func TestCreateAgainAtOnce(t *testing.T) {
	w := newWorld(writing, ttl(time.Minute))
	t.Cleanup(w.Close)
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	w.FailWrites(secrettest.KindCreate, secret.ErrUnavailable)
	v := fusetest.Disk(mnt)
	for i := range 500 {
		require.Equal(t, syscall.EIO, fusetest.WriteFile(v, "demo/dev/NEW", "x"), i)
	}
}

// A secret that is being created can be opened again: whoever creates it reads
// what is written so far, anybody else nothing, and all of them that for good.
func TestOpeningWhatIsBeingCreated(t *testing.T) {
	for _, change := range []func(*Config){func(*Config) {}, cacheOff, ttl(time.Minute)} {
		w, k := alone(t, change)
		draft, err := k.CreateFile("demo/dev/NEW", syscall.O_WRONLY|syscall.O_EXCL, 0o600)
		require.NoError(t, err)
		_, err = draft.WriteAt([]byte("text so far"), 0)
		require.NoError(t, err)
		read := func(f fusetest.File) string {
			buf := make([]byte, 100)
			n, err := f.ReadAt(buf, 0)
			require.NoError(t, err)
			return string(buf[:n])
		}
		mine, err := k.Open("demo/dev/NEW", syscall.O_RDONLY)
		require.NoError(t, err)
		as(k, another(t))
		theirs, err := k.Open("demo/dev/NEW", syscall.O_RDONLY)
		require.NoError(t, err)
		as(k, 0)
		nobodys, err := k.Open("demo/dev/NEW", syscall.O_RDONLY)
		require.NoError(t, err)
		as(k, os.Getpid())
		require.NoError(t, draft.Close())
		w.requireValue(t, dev, "NEW", "text so far")
		require.Equal(t, "text so far", read(mine))
		require.Equal(t, "", read(theirs))
		require.Equal(t, "", read(nobodys))
		for _, f := range []fusetest.File{mine, theirs, nobodys} {
			require.NoError(t, f.Close())
		}
		later, err := k.Open("demo/dev/NEW", syscall.O_RDONLY)
		require.NoError(t, err)
		require.Equal(t, "text so far", read(later))
		require.NoError(t, later.Close())
		require.NoError(t, k.Unlink("demo/dev/NEW"))
		_, err = k.Open("demo/dev/NEW", syscall.O_RDONLY)
		require.Equal(t, syscall.ENOENT, err)
	}
}
