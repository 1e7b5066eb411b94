package fs

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

func TestRevocationReachesOpenHandles(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		w.Set(payments.Child("deeper"), "KEY", "deep")
		open := func(path string) fusetest.File {
			f, err := v.Open(path, syscall.O_RDONLY)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, f.Close()) })
			return f
		}
		above, inside, below := open("demo/dev/GREETING"), open("demo/dev/payments/API_KEY"), open("demo/dev/payments/deeper/KEY")
		_, err := fusetest.ReadAll(inside)
		require.NoError(t, err)

		w.announce(secret.Change{Dir: payments, Err: fmt.Errorf("list: %w", secret.ErrDenied)})
		for range 2 {
			_, err = fusetest.ReadAll(inside)
			require.Equal(t, syscall.EACCES, err)
		}
		for _, f := range []fusetest.File{above, below} {
			_, err = fusetest.ReadAll(f)
			require.NoError(t, err, "the change is not about this one")
		}

		w.announce(secret.Change{Dir: dev, Deep: true, Err: secret.ErrUnauthenticated})
		for _, f := range []fusetest.File{above, inside, below} {
			_, err = fusetest.ReadAll(f)
			require.Equal(t, syscall.EACCES, err)
		}

		text, err := fusetest.ReadFile(v, "demo/dev/GREETING")
		require.NoError(t, err, "what the server gives again can be opened again")
		require.Equal(t, "hello, world", text)
	})
}

// The right to one value can be taken away alone; the folder stays.
func TestAValueThatIsHiddenIsTakenFromItsOpenHandles(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		open := func(path string) fusetest.File {
			f, err := v.Open(path, syscall.O_RDONLY)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, f.Close()) })
			return f
		}
		hidden, other := open("demo/dev/GREETING"), open("demo/dev/EMPTY")
		w.announce(w.change(t, dev, func() { w.Put(dev, secret.Secret{Name: "GREETING", Hidden: true, Reason: "not yours"}) }))
		_, err := fusetest.ReadAll(hidden)
		require.Equal(t, syscall.EACCES, err)
		_, err = fusetest.ReadAll(other)
		require.NoError(t, err)
	})
}

// So it is from those that are open to be written, unless what they have is what somebody has
// written there.
func TestAValueThatIsHiddenIsTakenFromItsWriters(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		open := func(flags int) fusetest.File {
			f, err := v.Open("demo/dev/GREETING", flags)
			require.NoError(t, err)
			return f
		}
		reader, own := open(syscall.O_RDWR), open(syscall.O_RDWR|syscall.O_TRUNC)
		_, err := own.WriteAt([]byte("his own"), 0)
		require.NoError(t, err)
		w.announce(w.change(t, dev, func() { w.Put(dev, secret.Secret{Name: "GREETING", Hidden: true, Reason: "not yours"}) }))
		_, err = fusetest.ReadAll(reader)
		require.Equal(t, syscall.EACCES, err)
		text, err := fusetest.ReadAll(own)
		require.NoError(t, err)
		require.Equal(t, "his own", text)
		require.NoError(t, reader.Close(), "he has changed nothing")
		_ = own.Close() // whether it can be stored is the server's word
	})
}

func TestRevokedHandleHasNoAttributes(t *testing.T) {
	w := newWorld()
	k := fusetest.Direct(t, w.Root(), w.Options())
	f, err := k.Open("demo/dev/GREETING", syscall.O_RDONLY)
	require.NoError(t, err)
	w.Fail(dev, secret.ErrDenied)
	w.announce(secret.Change{Dir: dev, Err: secret.ErrDenied})
	_, err = f.Stat()
	require.Equal(t, syscall.EACCES, err)
	require.NoError(t, f.Close())
	require.Zero(t, w.Counts().Open)
}

func TestContentChangeRevokesNothing(t *testing.T) {
	w := newWorld()
	k := fusetest.Direct(t, w.Root(), w.Options())
	f, err := k.Open("demo/dev/GREETING", syscall.O_RDONLY)
	require.NoError(t, err)
	w.announce(secret.Change{Dir: dev, Deep: true})
	text, err := fusetest.ReadAll(f)
	require.NoError(t, err)
	require.Equal(t, "hello, world", text)
}

// What was fetched before a revocation and arrives after it is not shown.
func TestRevocationDuringOpen(t *testing.T) {
	for name, open := range map[string]func(*fusetest.Kernel) error{
		"file": func(k *fusetest.Kernel) error { _, err := k.Open("demo/dev/GREETING", 0); return err },
		"dir":  func(k *fusetest.Kernel) error { _, err := k.ReadDir("demo/dev"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			k := fusetest.Direct(t, w.Root(), w.Options())
			_, err := k.Lookup("demo/dev/GREETING")
			require.NoError(t, err)
			before := snapshot(t, w.Fake, dev)
			lookups := 1 // of what is opened, in dev
			if name == "dir" {
				lookups = 0
			}
			asked := 0
			w.answer(func(ctx ctxt, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
				if dir != dev {
					return w.Folder(ctx, dir, need)
				}
				if asked++; asked == lookups+1 {
					w.Fail(dev, secret.ErrDenied)
					w.Apply(secret.Change{Dir: dev, Err: secret.ErrDenied})
					return before, nil
				}
				return w.Folder(ctx, dir, need)
			})
			require.Equal(t, syscall.EACCES, open(k))
			require.Equal(t, lookups+2, asked)
			require.Zero(t, w.Counts().Open)
		})
	}
}

// A folder that is taken away looks at each open file while others are being made.
func TestRevocationWhileFilesAreMade(t *testing.T) {
	w := newWorld(writing)
	defer w.Close()
	k := fusetest.Direct(t, w.Root(), w.Options())
	var over atomic.Bool
	var group sync.WaitGroup
	group.Go(func() {
		for !over.Load() {
			w.Apply(secret.Change{Dir: payments, Err: secret.ErrDenied})
		}
	})
	for i := range 500 {
		f, err := k.CreateFile(fmt.Sprintf("demo/dev/KEY_%d", i), syscall.O_WRONLY, 0o600)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	over.Store(true)
	group.Wait()
}

func TestRevocationReachesOpenDirectories(t *testing.T) {
	w := newWorld()
	dir := payments.Child("many")
	for i := range 500 {
		w.Set(dir, fmt.Sprintf("KEY_%03d", i), "x")
	}
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	fd, err := unix.Open(mnt+"/demo/dev/payments/many", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	buf := make([]byte, 1024)
	_, err = unix.ReadDirent(fd, buf)
	require.NoError(t, err)
	w.announce(secret.Change{Dir: dir, Err: secret.ErrDenied})
	for err == nil {
		var n int
		n, err = unix.ReadDirent(fd, buf)
		require.False(t, err == nil && n == 0, "the listing ended as if it were complete")
	}
	require.Equal(t, syscall.EACCES, err)
}

// The kernel forgets what it knew although it might remember it for an hour.
func TestRevocationReachesTheKernel(t *testing.T) {
	w := newWorld(ttl(time.Hour))
	v := fusetest.Disk(fusetest.Mounted(t, w.Root(), w.Options()))
	paths := []string{"demo/dev/GREETING", "demo/dev/payments/API_KEY", "demo/dev/payments", "demo/dev"}
	for _, p := range paths {
		_, err := v.Stat(p)
		require.NoError(t, err)
	}
	before := w.Calls().All()
	for _, p := range paths {
		_, err := v.Stat(p)
		require.NoError(t, err)
	}
	require.Equal(t, before, w.Calls().All(), "the kernel remembers")

	w.FailAll(secret.ErrUnauthenticated)
	w.announce(secret.Change{Deep: true, Err: secret.ErrUnauthenticated})
	for _, p := range paths {
		_, err := v.Stat(p)
		require.Equal(t, syscall.EACCES, err, p)
	}
	_, err := v.ReadDir("")
	require.Equal(t, syscall.EACCES, err)
	_, err = v.Stat("")
	require.NoError(t, err)
}

// What somebody typed is his, and is kept; what the text began with is not.
func TestAWritersTextSurvivesRevocation(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		write := func(path string, flags int) fusetest.File {
			f, err := v.Open(path, syscall.O_WRONLY|flags)
			require.NoError(t, err)
			_, err = f.WriteAt([]byte("typed"), 0)
			require.NoError(t, err)
			return f
		}
		replaced, edited := write("demo/dev/GREETING", syscall.O_TRUNC), write("demo/dev/payments/API_KEY", 0)
		w.announce(secret.Change{Dir: dev, Deep: true, Err: secret.ErrUnauthenticated})
		require.Equal(t, syscall.EACCES, replaced.Close())
		require.Equal(t, syscall.EACCES, edited.Close())
		require.Equal(t, map[string]string{"GREETING.1": "typed"}, w.rejectedTexts())
	})
}

// A file that was emptied by who has it open holds what was typed and nothing
// that was revoked.
func TestTypedTextOfARevokedSecretIsKept(t *testing.T) {
	w, k := alone(t)
	f, err := k.Open("demo/dev/GREETING", syscall.O_RDWR)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(0))
	writeAll(t, f, "typed")
	w.Apply(secret.Change{Dir: dev, Err: secret.ErrDenied})
	require.Equal(t, syscall.EACCES, f.Close())
	require.Equal(t, map[string]string{"GREETING.1": "typed"}, w.rejectedTexts())
}
