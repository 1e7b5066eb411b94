package fs

import (
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/fs/internal/xattr"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// A scratch file may hold a secret: whom secrets are not shown to, it is not.
func TestModesOfScratchFiles(t *testing.T) {
	for _, c := range []struct{ mount, asked, want uint32 }{
		{0o600, 0o666, 0o600}, {0o640, 0o666, 0o640}, {0o640, 0o600, 0o600}, {0o444, 0o644, 0o644}, {0o600, 0o700, 0o700},
	} {
		bothWaysWriting(t, func(t *testing.T, _ *world, v fusetest.View) {
			f, err := v.CreateFile("demo/dev/.GREETING.swp", syscall.O_WRONLY, c.asked)
			require.NoError(t, err)
			require.NoError(t, f.Close())
			a, err := v.Stat("demo/dev/.GREETING.swp")
			require.NoError(t, err)
			require.EqualValues(t, syscall.S_IFREG|c.want, a.Mode)
		}, func(cfg *Config) { cfg.FileMode = c.mount })
	}
}

// Who moves a secret aside and writes the same value again gets it back: there
// is nothing to send, and the name is taken again.
func TestTheSameValueUnderACoveredName(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.NoError(t, v.Rename("demo/dev/GREETING", "demo/dev/GREETING~"))
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/GREETING", "hello, world"))
		require.Empty(t, w.Writes())
		require.Zero(t, w.Counts().Writes.Whiteouts)
		require.NoError(t, v.Unlink("demo/dev/GREETING~"))
		names, err := fusetest.Names(v, "demo/dev")
		require.NoError(t, err)
		require.Contains(t, names, "GREETING")
		text, err := fusetest.ReadFile(v, "demo/dev/GREETING")
		require.NoError(t, err)
		require.Equal(t, "hello, world", text)
	})
}

// A rotation that takes a secret over while it is open is found when it is sent.
func TestARotationTakesOverWhatIsOpen(t *testing.T) {
	w := newWorld(writing)
	defer w.Close()
	k := fusetest.Direct(t, w.Root(), w.Options())
	f, err := k.Open("demo/dev/GREETING", syscall.O_RDWR)
	require.NoError(t, err)
	s, _ := w.Own(dev, "GREETING")
	s.Rotated = true // which makes no version
	w.Put(dev, s)
	_, err = f.WriteAt([]byte("mine"), 0)
	require.NoError(t, err)
	require.Equal(t, syscall.EPERM, f.Close())
	require.Empty(t, w.Writes())
	w.requireValue(t, dev, "GREETING", "hello, world")
}

// Who has written a version knows it, also if a stale answer has shown him an
// older one since.
func TestAWriterKnowsWhatItWrote(t *testing.T) {
	w := newWorld(writing)
	defer w.Close()
	k := fusetest.Direct(t, w.Root(), w.Options())
	as(k, os.Getpid())
	old := snapshot(t, w.Fake, dev)
	f, err := k.Open("demo/dev/GREETING", syscall.O_WRONLY)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("HELLO"), 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	w.answer(func(ctx ctxt, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
		if dir == dev {
			return old, nil
		}
		return w.Folder(ctx, dir, need)
	})
	text, err := fusetest.ReadFile(k, "demo/dev/GREETING")
	require.NoError(t, err)
	require.Equal(t, "hello, world", text)
	f, err = k.Open("demo/dev/GREETING", syscall.O_WRONLY)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("third"), 0)
	require.NoError(t, err)
	require.NoError(t, f.Close(), "it would be told that somebody else came between, and that was itself")
}

// While somebody writes, nobody is told for how long the size is right.
func TestAttributesOfWhatIsWrittenAreNotRemembered(t *testing.T) {
	w := newWorld(writing, ttl(time.Minute))
	defer w.Close()
	k := fusetest.Direct(t, w.Root(), w.Options())
	f, err := k.Open("demo/dev/GREETING", syscall.O_WRONLY)
	require.NoError(t, err)
	out, err := k.Lookup("demo/dev/GREETING")
	require.NoError(t, err)
	require.Zero(t, out.AttrTimeout())
	require.NoError(t, f.Close())
	out, err = k.Lookup("demo/dev/GREETING")
	require.NoError(t, err)
	require.NotZero(t, out.AttrTimeout())
}

// XATTR_CREATE makes no change to what is there, XATTR_REPLACE none to what is not.
func TestFlagsOfAnnotations(t *testing.T) {
	w := newWorld(writing)
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	t.Cleanup(w.Close)
	path := mnt + "/demo/dev/GREETING"
	for attr, text := range map[string]string{xattr.Comment: "a remark", xattr.Tags: "one"} {
		require.Equal(t, unix.ENODATA, unix.Setxattr(path, attr, []byte(text), unix.XATTR_REPLACE))
		require.NoError(t, unix.Setxattr(path, attr, []byte(text), unix.XATTR_CREATE))
		require.Equal(t, unix.EEXIST, unix.Setxattr(path, attr, []byte("another"), unix.XATTR_CREATE))
		require.NoError(t, unix.Setxattr(path, attr, []byte("more"), unix.XATTR_REPLACE))
	}
	s, _ := w.Own(dev, "GREETING")
	require.Equal(t, "more", s.Comment)
	require.Equal(t, []string{"more"}, s.Tags)
}

// Who opens a file for writing and changes nothing takes nothing away from who reads it.
func TestWhoChangesNothingLeavesReadersAlone(t *testing.T) {
	w := newWorld(ttl(time.Hour), writing)
	dir := fusetest.MountedThrough(t, w.Root(), w.Options(), GuardPages) + "/demo/dev/"
	const value = "hello, world"
	opened := func(flags int, do func(*os.File) error) func(string) error {
		return func(path string) error {
			writer, err := os.OpenFile(path, flags, 0)
			if err != nil {
				return err
			}
			return errors.Join(do(writer), writer.Close())
		}
	}
	nothing := func(*os.File) error { return nil }
	cut := func(f *os.File) error { return f.Truncate(int64(len(value))) }
	write := func(f *os.File) error {
		_, err := f.WriteAt([]byte(value)[3:], 3)
		return err
	}
	for _, row := range []struct {
		what, name, value string
		do                func(path string) error
	}{
		{"read and write", "GREETING", value, opened(os.O_RDWR, nothing)},
		{"write", "GREETING", value, opened(os.O_WRONLY, nothing)},
		{"append", "GREETING", value, opened(os.O_WRONLY|os.O_APPEND, nothing)},
		{"create", "GREETING", value, opened(os.O_RDWR|os.O_CREATE, nothing)},
		{"fsync", "GREETING", value, opened(os.O_RDWR, (*os.File).Sync)},
		{"ftruncate", "GREETING", value, opened(os.O_RDWR, cut)},
		{"ftruncate, write only", "GREETING", value, opened(os.O_WRONLY, cut)},
		{"truncate", "GREETING", value, func(path string) error { return os.Truncate(path, int64(len(value))) }},
		{"the same bytes", "GREETING", value, opened(os.O_RDWR, write)},
		{"the same bytes, write only, and fsync", "GREETING", value, opened(os.O_WRONLY, func(f *os.File) error { return errors.Join(write(f), f.Sync()) })},
		{"dates", "GREETING", value, func(path string) error { return os.Chtimes(path, started, started) }},
		{"a mode", "GREETING", value, func(path string) error { return os.Chmod(path, 0o600) }},
		{"empty what is empty", "EMPTY", "", opened(os.O_WRONLY|os.O_TRUNC, nothing)},
		{"and fsync", "EMPTY", "", opened(os.O_WRONLY|os.O_TRUNC, (*os.File).Sync)},
	} {
		path := dir + row.name
		reader, err := os.Open(path)
		require.NoError(t, err)
		read := func(when string) {
			text := make([]byte, 100)
			n, err := reader.ReadAt(text, 0)
			require.ErrorIs(t, err, io.EOF, "%s, %s", row.what, when)
			require.Equal(t, row.value, string(text[:n]), "%s, %s", row.what, when)
		}
		read("before")
		require.NoError(t, row.do(path), row.what)
		read("after it")
		w.awaitKernel()
		read("later")
		require.NoError(t, reader.Close())
	}
	require.Empty(t, w.Writes())
}
