package fs

import (
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// fullWorld is a mounted world whose kernel opens files by itself.
func fullWorld(t *testing.T) (*world, string) {
	w := newWorld(ttl(time.Minute), func(c *Config) { c.Root, c.KernelCache = dev, CacheFull })
	return w, fusetest.Mounted(t, w.Root(), w.Options())
}

// Without opens there are no handles to revoke. What the kernel has is taken from
// it all the same, of views too, although a lookup that goes on for long keeps the
// names in the directory.
func TestRevocationWithAFullCache(t *testing.T) {
	w, mnt := fullWorld(t)
	var open []*os.File
	for _, name := range []string{"EMPTY", "GREETING", ".env", "payments/API_KEY", "payments/.env"} {
		f, err := os.Open(mnt + "/" + name)
		require.NoError(t, err)
		defer f.Close()
		_, _ = f.ReadAt(make([]byte, 5), 0)
		open = append(open, f)
	}
	for _, f := range open[1:] {
		require.True(t, resident(t, f), "%s is in the kernel's memory", f.Name())
	}

	asked, answer := make(chan struct{}), make(chan struct{})
	finish := sync.OnceFunc(func() { close(answer) })
	defer finish()
	w.answer(func(ctx ctxt, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
		close(asked)
		<-answer
		return nil, secret.ErrUnauthenticated
	})
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		_, _ = os.Stat(mnt + "/MISSING")
	}()
	<-asked
	w.answer(func(ctxt, secret.Dir, secret.Need) (*secret.Folder, error) { return nil, secret.ErrUnauthenticated })
	w.Apply(secret.Change{Deep: true, Err: secret.ErrUnauthenticated})
	for _, f := range open[1:] {
		require.Eventually(t, func() bool { return !resident(t, f) }, 10*time.Second, time.Millisecond, "%s is still in the kernel's memory", f.Name())
		_, err := f.ReadAt(make([]byte, 5), 0)
		require.ErrorIs(t, err, syscall.EACCES, f.Name())
	}
	finish()
	<-looked
	w.awaitKernel()
}

// resident reports whether the kernel has the first page of a file in memory.
func resident(t *testing.T, f *os.File) bool {
	t.Helper()
	m, err := unix.Mmap(int(f.Fd()), 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_SHARED)
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Munmap(m)) }()
	var in [1]byte
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&m[0])), uintptr(len(m)), uintptr(unsafe.Pointer(&in[0])))
	require.Zero(t, errno)
	return in[0]&1 == 1
}

// What is hidden is not shown for as long as it takes to tell the kernel, as an
// old version would be.
func TestAHiddenValueWithAFullCache(t *testing.T) {
	w := newWorld(ttl(time.Minute), full)
	k := fusetest.Direct(t, w.Root(), w.Options())
	_, err := k.Lookup("demo/dev/GREETING")
	require.NoError(t, err)
	n := w.inode(dev).GetChild("GREETING").Operations().(*file)
	_, errno := n.Read(t.Context(), nil, make([]byte, 5), 0)
	require.Zero(t, errno)
	w.Put(dev, secret.Secret{Name: "GREETING", ID: "x", Hidden: true, Reason: "not yours"})
	_, errno = n.Read(t.Context(), nil, make([]byte, 5), 0)
	require.Equal(t, syscall.EACCES, errno)
	w.awaitKernel()
}
