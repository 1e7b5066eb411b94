package fs

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// linked is a mounted world that looks like a volume of Kubernetes.
func linked(t *testing.T, change ...func(*Config)) (*world, string) {
	w := newWorld(append([]func(*Config){func(c *Config) { c.Root, c.Links, c.TTL = dev, true, time.Minute }}, change...)...)
	return w, fusetest.Mounted(t, w.Root(), w.Options())
}

// put changes secrets on the server and has it known.
func (w *world) put(t *testing.T, change func()) {
	before := snapshot(t, w, dev)
	change()
	w.announce(secret.Change{Dir: dev, Old: before, New: snapshot(t, w, dev)})
}

func namesIn(t *testing.T, dir string) (list []string) {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func requireText(t *testing.T, want, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(text))
}

var generationForm = regexp.MustCompile(`^\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.\d{9}$`)

func TestLinks(t *testing.T) {
	_, mnt := linked(t)
	data, err := os.Readlink(mnt + "/..data")
	require.NoError(t, err)
	require.Regexp(t, generationForm, data)
	require.ElementsMatch(t, []string{"..data", data, "EMPTY", "GREETING", "payments"}, namesIn(t, mnt))
	require.ElementsMatch(t, []string{"EMPTY", "GREETING"}, namesIn(t, mnt+"/..data"))
	to, err := os.Readlink(mnt + "/GREETING")
	require.NoError(t, err)
	require.Equal(t, "..data/GREETING", to)
	requireText(t, "hello, world", mnt+"/GREETING")
	requireText(t, "", mnt+"/EMPTY")
	requireText(t, "not-a-real-key", mnt+"/payments/API_KEY")

	info, err := os.Lstat(mnt + "/..data")
	require.NoError(t, err)
	require.EqualValues(t, len(data), info.Size())
	info, err = os.Stat(mnt + "/GREETING")
	require.NoError(t, err)
	require.EqualValues(t, 12, info.Size())
	require.Equal(t, os.FileMode(0o400), info.Mode())
	_, err = os.Lstat(mnt + "/..other")
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = os.Lstat(mnt + "/..data/NONE")
	require.ErrorIs(t, err, os.ErrNotExist)
	value := make([]byte, 64)
	n, err := unix.Getxattr(mnt+"/GREETING", "user.infisical.key", value)
	require.NoError(t, err)
	require.Equal(t, "GREETING", string(value[:n]))
	for _, err := range []error{
		os.WriteFile(mnt+"/GREETING", []byte("x"), 0o600), os.WriteFile(mnt+"/..data/NEW", []byte("x"), 0o600),
		os.Remove(mnt + "/..data"), os.Remove(mnt + "/GREETING"), os.Rename(mnt+"/..data", mnt+"/x"),
	} {
		require.ErrorIs(t, err, syscall.EROFS)
	}
}

// A change makes another generation, and the old one stays as it was for who
// reads through it.
func TestAChangeMakesAGeneration(t *testing.T) {
	w, mnt := linked(t)
	old, err := os.Readlink(mnt + "/..data")
	require.NoError(t, err)
	requireText(t, "hello, world", mnt+"/GREETING")
	through, err := os.OpenRoot(mnt + "/..data")
	require.NoError(t, err)
	defer through.Close()
	held, err := os.Open(mnt + "/GREETING")
	require.NoError(t, err)
	defer held.Close()

	w.put(t, func() { w.Set(dev, "GREETING", "goodbye"); w.Set(dev, "NEW", "n"); w.Remove(dev, "EMPTY") })
	now, err := os.Readlink(mnt + "/..data")
	require.NoError(t, err)
	require.Regexp(t, generationForm, now)
	require.Less(t, old, now)
	requireText(t, "goodbye", mnt+"/GREETING")
	requireText(t, "n", mnt+"/NEW")
	_, err = os.Lstat(mnt + "/EMPTY")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ElementsMatch(t, []string{"..data", now, "GREETING", "NEW", "payments"}, namesIn(t, mnt))

	text, err := through.ReadFile("GREETING")
	require.NoError(t, err)
	require.Equal(t, "hello, world", string(text))
	_, err = through.Stat("EMPTY")
	require.NoError(t, err)
	_, err = through.Stat("NEW")
	require.ErrorIs(t, err, os.ErrNotExist)
	requireText(t, "hello, world", filepath.Join(mnt, old, "GREETING"))
	buf := make([]byte, 64)
	n, err := held.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "hello, world", string(buf[:n]))
}

// What is asked again and answered alike is the same generation.
func TestNoChangeNoGeneration(t *testing.T) {
	w, mnt := linked(t, ttl(-1))
	old, err := os.Readlink(mnt + "/..data")
	require.NoError(t, err)
	for _, same := range []func(){
		func() {},
		func() { w.Mkdir(dev.Child("another")) },
		func() { w.answer(w.partially) },
	} {
		w.put(t, same)
		now, err := os.Readlink(mnt + "/..data")
		require.NoError(t, err)
		require.Equal(t, old, now)
	}
}

// partially answers with snapshots that prove nothing, unless they have to.
func (w *world) partially(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
	f, err := w.Folder(ctx, dir, need)
	if err == nil && need != secret.NeedProof {
		f = f.With(func(f *secret.Folder) { f.Partial = true })
	}
	return f, err
}

// A name that a partial answer lacks is not gone.
func TestAGenerationIsTheWholeTruth(t *testing.T) {
	w, mnt := linked(t, ttl(-1))
	old, err := os.Readlink(mnt + "/..data")
	require.NoError(t, err)
	w.answer(func(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
		f, err := w.partially(ctx, dir, need)
		if err == nil && f.Partial {
			f = f.With(func(f *secret.Folder) {
				f.Secrets = slices.DeleteFunc(slices.Clone(f.Secrets), func(s secret.Secret) bool { return s.Name == "GREETING" })
			})
		}
		return f, err
	})
	now, err := os.Readlink(mnt + "/..data")
	require.NoError(t, err)
	require.Equal(t, old, now)
	requireText(t, "hello, world", mnt+"/GREETING")
}

// Revoked is gone, also through an old generation and what the kernel keeps.
func TestRevokedGenerations(t *testing.T) {
	w, mnt := linked(t)
	requireText(t, "hello, world", mnt+"/GREETING")
	through, err := os.OpenRoot(mnt + "/..data")
	require.NoError(t, err)
	defer through.Close()
	held, err := os.Open(mnt + "/GREETING")
	require.NoError(t, err)
	defer held.Close()
	w.put(t, func() { w.Set(dev, "GREETING", "goodbye") })
	requireText(t, "goodbye", mnt+"/GREETING")
	second, err := os.Open(mnt + "/GREETING")
	require.NoError(t, err)
	defer second.Close()

	w.Fail(dev, secret.ErrDenied)
	w.announce(secret.Change{Dir: dev, Err: secret.ErrDenied})
	for _, path := range []string{"/GREETING", "/..data/GREETING", "/..data"} {
		_, err = os.ReadFile(mnt + path)
		require.ErrorIs(t, err, syscall.EACCES, path)
	}
	_, err = through.ReadFile("GREETING")
	require.ErrorIs(t, err, syscall.EACCES)
	for _, f := range []*os.File{held, second} {
		_, err = f.ReadAt(make([]byte, 5), 0)
		require.ErrorIs(t, err, syscall.EACCES)
	}

	w.Fail(dev, nil)
	w.announce(secret.Change{Dir: dev})
	requireText(t, "goodbye", mnt+"/GREETING")
}

// A value that becomes hidden is taken from the generations that show it.
func TestAValueThatIsHiddenIsTakenFromGenerations(t *testing.T) {
	w, mnt := linked(t)
	held, err := os.Open(mnt + "/GREETING")
	require.NoError(t, err)
	defer held.Close()
	w.put(t, func() { w.Put(dev, secret.Secret{Name: "GREETING", ID: "x", Hidden: true, Reason: "not yours"}) })
	_, err = held.ReadAt(make([]byte, 5), 0)
	require.ErrorIs(t, err, syscall.EACCES)
	_, err = os.ReadFile(mnt + "/GREETING")
	require.ErrorIs(t, err, syscall.EACCES)
	requireText(t, "", mnt+"/EMPTY")
	require.Contains(t, w.logs.String(), "not yours")
}

// Who watches a file hears that it is gone, as when a volume of Kubernetes is
// changed, and finds the new one.
func TestWatchersOfAFileHearOfTheSwap(t *testing.T) {
	w, mnt := linked(t)
	requireText(t, "hello, world", mnt+"/GREETING")
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	require.NoError(t, err)
	defer unix.Close(fd)
	_, err = unix.InotifyAddWatch(fd, mnt+"/GREETING", unix.IN_DELETE_SELF)
	require.NoError(t, err)
	w.put(t, func() { w.Set(dev, "GREETING", "goodbye") })
	ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 5000)
	require.NoError(t, err)
	require.Equal(t, 1, ready, "no event")
	requireText(t, "goodbye", mnt+"/GREETING")
}

// Names of the server's never are names of ours.
func TestNamesLikeOursAreEscaped(t *testing.T) {
	w, mnt := linked(t)
	w.put(t, func() { w.Set(dev, "..data", "x"); w.Mkdir(dev.Child("..2024")); w.Set(dev, "payments", "beside") })
	requireText(t, "x", mnt+"/%2E%2Edata")
	requireText(t, "beside", mnt+"/payments%secret")
	_, err := os.Lstat(mnt + "/%2E%2E2024")
	require.NoError(t, err)
	require.Len(t, slices.DeleteFunc(namesIn(t, mnt), func(s string) bool { return !strings.HasPrefix(s, "..") }), 2)
}

func TestLinksWithOtherKernelCaches(t *testing.T) {
	for _, mode := range []KernelCache{CacheOff, CacheFull} {
		t.Run(string(mode), func(t *testing.T) {
			w, mnt := linked(t, func(c *Config) { c.KernelCache = mode })
			requireText(t, "hello, world", mnt+"/GREETING")
			w.put(t, func() { w.Set(dev, "GREETING", "goodbye, and longer") })
			requireText(t, "goodbye, and longer", mnt+"/GREETING")
			w.Set(payments, "LARGE", strings.Repeat("x", 300<<10))
			requireText(t, strings.Repeat("x", 300<<10), mnt+"/payments/LARGE")
		})
	}
}

// A generation from a bulk answer costs nothing more, and what it lacks is not
// absent.
func TestAGenerationFromABulkAnswer(t *testing.T) {
	w, mnt := linked(t, ttl(-1))
	var known atomic.Bool // whether the folder's own list is
	w.answer(func(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
		if need == secret.NeedProof {
			known.Store(true)
		}
		f, err := w.Folder(ctx, dir, need)
		if err == nil && !known.Load() {
			f = f.With(func(f *secret.Folder) {
				f.Partial = true
				f.Secrets = slices.DeleteFunc(slices.Clone(f.Secrets), func(s secret.Secret) bool { return s.Name == "GREETING" })
			})
		}
		return f, err
	})
	require.NotContains(t, namesIn(t, mnt), "GREETING")
	requireText(t, "", mnt+"/EMPTY")
	require.False(t, known.Load())
	old, err := os.OpenRoot(mnt + "/..data")
	require.NoError(t, err)
	defer old.Close()
	_, err = old.Open("NOTHING")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.True(t, known.Load())
	_, err = old.Open("GREETING")
	require.ErrorIs(t, err, syscall.ESTALE, "it is not in this version, and exists")
	requireText(t, "hello, world", mnt+"/GREETING")
	requireText(t, "hello, world", mnt+"/..data/GREETING")
}
