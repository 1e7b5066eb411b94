package fs

import (
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

func TestRead(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 20_000) // more than one READ
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		for _, value := range []string{"", "x", "no newline", "newline\n", "nul\x00 and \xff", big} {
			// Until the RELEASE of the last reader has come, and a moment at most, what
			// he has open is shown. The kernel does not wait for it.
			require.Eventually(t, func() bool { return w.Counts().Open == 0 }, time.Minute, time.Millisecond)
			w.Set(dev, "VALUE", value)
			text, err := fusetest.ReadFile(v, "demo/dev/VALUE")
			require.NoError(t, err)
			require.True(t, value == text, "got %d bytes of %d", len(text), len(value))
			a, err := v.Stat("demo/dev/VALUE")
			require.NoError(t, err)
			require.EqualValues(t, len(value), a.Size)
		}
	})
}

func TestReadAtOffsets(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		f, err := v.Open("demo/dev/GREETING", syscall.O_RDONLY)
		require.NoError(t, err)
		defer f.Close()
		buf := make([]byte, 5)
		for off, want := range map[int64]string{0: "hello", 7: "world", 10: "ld", 12: "", 13: "", 1 << 40: ""} {
			n, err := f.ReadAt(buf, off)
			require.NoError(t, err)
			require.Equal(t, want, string(buf[:n]), "at %d", off)
		}
	})
}

// A handle shows the version it was opened with to its end, whatever becomes of
// the secret.
// Without the kernel's cache an open file keeps its version for ever.
func TestOneVersionPerHandle(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		f, err := v.Open("demo/dev/GREETING", syscall.O_RDONLY)
		require.NoError(t, err)
		defer f.Close()
		buf := make([]byte, 5)
		n, err := f.ReadAt(buf, 0)
		require.NoError(t, err)
		require.Equal(t, "hello", string(buf[:n]))

		w.Set(dev, "GREETING", "a completely different and longer text")
		n, err = f.ReadAt(buf, 7)
		require.NoError(t, err)
		require.Equal(t, "world", string(buf[:n]))
		text, err := fusetest.ReadFile(v, "demo/dev/GREETING")
		require.NoError(t, err)
		require.Equal(t, "a completely different and longer text", text)
		a, err := v.Stat("demo/dev/GREETING")
		require.NoError(t, err)
		require.EqualValues(t, len(text), a.Size, "somebody's old handle does not spoil stat")

		w.Remove(dev, "GREETING")
		text, err = fusetest.ReadAll(f)
		require.NoError(t, err)
		require.Equal(t, "hello, world", text)
		a, err = f.Stat()
		require.NoError(t, err, "fstat works on a file that is gone")
		require.EqualValues(t, len("hello, world"), a.Size)
		require.Zero(t, a.Nlink, "it has no name any more")
		_, err = v.Stat("demo/dev/GREETING")
		require.Equal(t, syscall.ENOENT, err)
	}, cacheOff)
}

func TestHandlesOutliveAnOutage(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		f, err := v.Open("demo/dev/GREETING", syscall.O_RDONLY)
		require.NoError(t, err)
		defer f.Close()
		w.FailAll(secret.ErrUnavailable)
		a, err := f.Stat()
		require.NoError(t, err)
		require.EqualValues(t, len("hello, world"), a.Size)
		text, err := fusetest.ReadAll(f)
		require.NoError(t, err)
		require.Equal(t, "hello, world", text)

		w.FailAll(secret.ErrDenied)
		_, err = f.Stat()
		require.Equal(t, syscall.EACCES, err, "a denial is no outage")
	})
}

func TestHiddenValue(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		w.Put(dev, secret.Secret{Name: "HIDDEN", Hidden: true, Reason: "values may not be read"})
		names, err := fusetest.Names(v, "demo/dev")
		require.NoError(t, err)
		require.Contains(t, names, "HIDDEN")
		for range 3 {
			_, err = v.Open("demo/dev/HIDDEN", syscall.O_RDONLY)
			require.Equal(t, syscall.EACCES, err)
		}
		require.Equal(t, 1, strings.Count(w.logs.String(), "values may not be read"), "it is said once")
	})
}

func TestCounts(t *testing.T) {
	w := newWorld()
	k := fusetest.Direct(t, w.Root(), w.Options())
	f, err := k.Open("demo/dev/GREETING", syscall.O_RDONLY)
	require.NoError(t, err)
	require.Equal(t, 1, w.Counts().Open)
	_, err = fusetest.ReadAll(f)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	_, err = k.ReadDir("demo/dev")
	require.NoError(t, err)
	require.Equal(t, Counts{Opens: 1, Reads: 2}, w.Counts())
}

func TestReleaseDropsTheValue(t *testing.T) {
	w := newWorld()
	fusetest.Direct(t, w.Root(), w.Options())
	root := &dir{node: node{fs: w.FS}}
	n := root.newDir("demo").newDir("dev").newFile("GREETING")
	fh, _, errno := n.Open(t.Context(), syscall.O_RDONLY)
	require.Zero(t, errno)
	require.NotNil(t, fh.(*handle).secret.Load())
	fh.(*handle).Release(t.Context())
	require.Nil(t, fh.(*handle).secret.Load())
}

// Many readers while values change and the changes are heard of: each read is one version.
func TestConcurrentReaders(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		versions := []string{strings.Repeat("a", 3000), strings.Repeat("b", 9000), ""}
		w.Set(dev, "ROTATING", versions[0])
		var readers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				for range 50 {
					text, err := fusetest.ReadFile(v, "demo/dev/ROTATING")
					if err != nil || text != versions[0] && text != versions[1] && text != versions[2] {
						t.Errorf("read %d bytes, error %v", len(text), err)
					}
					if _, err := v.ReadDir("demo/dev"); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for i := range 100 {
			before := snapshot(t, w.Fake, dev)
			w.Set(dev, "ROTATING", versions[i%3])
			w.Apply(secret.Change{Dir: dev, Old: before, New: snapshot(t, w.Fake, dev)})
		}
		readers.Wait()
		w.awaitKernel()
	})
}

func TestNothingSecretIsLogged(t *testing.T) {
	w := newWorld()
	k := fusetest.Direct(t, w.Root(), w.Options())
	w.Put(dev, secret.Secret{Name: "HIDDEN", Value: secret.NewValue("hidden-value-1234"), Hidden: true})
	_, _ = fusetest.ReadFile(k, "demo/dev/GREETING")
	_, _ = fusetest.ReadFile(k, "demo/dev/HIDDEN")
	w.FailAll(secret.ErrUnavailable)
	_, _ = fusetest.ReadFile(k, "demo/dev/GREETING")
	w.announce(secret.Change{Dir: dev, Err: secret.ErrDenied})
	require.NotEmpty(t, w.logs.String())
	require.NotContains(t, w.logs.String(), "hello, world")
	require.NotContains(t, w.logs.String(), "hidden-value-1234")
}
