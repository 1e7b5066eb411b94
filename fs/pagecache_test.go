//go:build linux

package fs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/fs/internal/pagecache"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// What the kernel asks for what it was told a moment ago.
func TestMessagesOfReading(t *testing.T) {
	read := func(path string) (string, error) {
		text, err := os.ReadFile(path)
		return string(text), err
	}
	for name, c := range map[string]struct {
		change func(*Config)
		size   int
		warm   map[string]int // open, fstat, read to the end, close
	}{
		"default":            {func(*Config) {}, 35, map[string]int{"OPEN": 1}},
		"a page":             {func(*Config) {}, 4096, map[string]int{"OPEN": 1}},
		"one READ":           {func(*Config) {}, pagecache.OneRead, map[string]int{"OPEN": 1}},
		"writable":           {writing, 35, map[string]int{"OPEN": 1}},
		"no cache":           {cacheOff, 35, map[string]int{"OPEN": 1, "READ": 2}},
		"full":               {full, 35, map[string]int{}},
		"full, one READ":     {full, pagecache.OneRead, map[string]int{}},
		"more than one READ": {func(*Config) {}, pagecache.OneRead + 1, map[string]int{"OPEN": 1, "READ": 3}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(ttl(time.Hour), c.change)
			value := strings.Repeat("v", c.size)
			w.Set(dev, "KEY", value)
			dir, messages := fusetest.MountedCounting(t, w.Root(), w.Options())
			path := dir + "/demo/dev/KEY"
			for range 2 { // the first open drops what it cannot know, the second sees that it has done so
				text, err := read(path)
				require.NoError(t, err)
				require.True(t, text == value)
			}
			if c.warm["READ"] == 0 {
				require.Eventually(t, func() bool { return w.Counts().Open == 0 }, time.Minute, time.Millisecond)
			}
			messages.Take()
			for range 3 {
				text, err := read(path)
				require.NoError(t, err)
				require.True(t, text == value)
				got := messages.Take()
				delete(got, "GETATTR") // reading makes the date of the last access old, on what is mounted rw
				require.Equal(t, c.warm, got)
			}
			for range 3 {
				_, err := os.Lstat(path)
				require.NoError(t, err)
			}
			require.LessOrEqual(t, messages.Take()["GETATTR"], 1)
		})
	}
}

// A listing is asked for once, and each open asks whether it still holds.
func TestMessagesOfListing(t *testing.T) {
	w := newWorld(ttl(time.Hour))
	for i := range 1000 {
		w.Set(payments, fmt.Sprint("KEY_", i), "x")
	}
	dir, messages := fusetest.MountedCounting(t, w.Root(), w.Options())
	list := func() int {
		entries, err := os.ReadDir(dir + "/demo/dev/payments")
		require.NoError(t, err)
		return len(entries)
	}
	require.Equal(t, 1001, list())
	messages.Take()
	for range 3 {
		require.Equal(t, 1001, list())
		require.Equal(t, map[string]int{"OPENDIR": 1}, messages.Take())
	}
	for i := range 1000 {
		_, err := os.Lstat(fmt.Sprint(dir, "/demo/dev/payments/KEY_", i))
		require.NoError(t, err)
	}
	require.Empty(t, messages.Take(), "the listing brought the attributes")

	held, err := os.Open(dir + "/demo/dev/payments")
	require.NoError(t, err)
	defer held.Close()
	_, err = held.ReadDir(10)
	require.NoError(t, err)
	for _, change := range []func(){
		func() { w.Set(payments, "ANOTHER", "x") },
		func() { w.Remove(payments, "KEY_7") },
		func() { w.Remove(payments, "KEY_8"); w.Set(payments, "YET_ANOTHER", "x") },
	} {
		before := list()
		w.Apply(w.change(t, payments, change))
		after := len(snapshot(t, w.Fake, payments).Secrets)
		require.Equal(t, after, list(), "before it were %d", before)
		require.Equal(t, after, list())
	}
	held.Close()
	require.Eventually(t, func() bool { list(); messages.Take(); list(); return messages.Take()["READDIRPLUS"] == 0 }, time.Minute, time.Millisecond)
}

// So it is at the root of the mount, if what is there is at hand; which takes nothing
// but the open, also from a server that does not answer.
func TestMessagesOfListingTheRoot(t *testing.T) {
	w := newWorld(ttl(time.Hour), func(c *Config) { c.Root = payments })
	for i := range 1000 {
		w.Set(payments, fmt.Sprint("KEY_", i), "x")
	}
	w.cfg.Source = keeper{w.ask, w.Fake}
	w.answer(func(context.Context, secret.Dir, secret.Need) (*secret.Folder, error) {
		return nil, secret.ErrUnavailable
	})
	dir, messages := fusetest.MountedCounting(t, w.Root(), w.Options())
	list := func() int {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		return len(entries)
	}
	require.Equal(t, 1001, list())
	messages.Take()
	for range 3 {
		require.Equal(t, 1001, list())
		require.Equal(t, map[string]int{"OPENDIR": 1}, messages.Take())
	}
	w.Apply(w.change(t, payments, func() { w.Remove(payments, "KEY_7") }))
	require.Equal(t, 1000, list())
}

func full(c *Config) { c.KernelCache = CacheFull }

// What the kernel cannot do by itself is refused; what changes arrives.
func TestTheKernelOpensFilesByItself(t *testing.T) {
	w := newWorld(ttl(time.Hour), full, func(c *Config) {
		c.Status = func() ([]byte, error) { return []byte("status"), nil }
		c.Refresh = func() error { return nil }
	})
	w.Set(dev, "LARGE", strings.Repeat("v", pagecache.OneRead+1))
	w.Put(dev, secret.Secret{Name: "HIDDEN", Hidden: true, Reason: "not yours"})
	dir := fusetest.Mounted(t, w.Root(), w.Options())
	path := dir + "/demo/dev/GREETING"
	old, err := os.Open(path)
	require.NoError(t, err)
	defer old.Close()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "hello, world", string(text))
	for name, want := range map[string]error{
		"demo/dev/LARGE": syscall.EFBIG, "demo/dev/HIDDEN": syscall.EACCES, ".infisicalfs/status": syscall.ENOTSUP, "demo/dev/ABSENT": syscall.ENOENT,
	} {
		_, err := os.ReadFile(dir + "/" + name)
		require.ErrorIs(t, err, want, name)
	}
	require.NoError(t, os.WriteFile(dir+"/.infisicalfs/refresh", []byte("x"), 0))

	for _, value := range []string{"a new and longer greeting", "short", "longer again"} {
		w.Apply(w.change(t, dev, func() { w.Set(dev, "GREETING", value) }))
		w.awaitKernel()
		text, err = os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, value, string(text))
		a, err := os.Stat(path)
		require.NoError(t, err)
		require.EqualValues(t, len(value), a.Size())
	}
	w.Fail(dev, secret.ErrDenied)
	w.Apply(secret.Change{Dir: dev, Err: secret.ErrDenied})
	w.awaitKernel()
	_, err = old.ReadAt(make([]byte, 5), 0)
	require.ErrorIs(t, err, syscall.EACCES)
}

// A new version is shown when who reads the old one has come to an end. (That it
// waits no longer than a moment is tested without a kernel.)
func TestANewVersionWaitsForReaders(t *testing.T) {
	w := newWorld(ttl(time.Hour))
	dir := fusetest.Mounted(t, w.Root(), w.Options())
	path := dir + "/demo/dev/GREETING"
	change := func(value string) { w.Apply(w.change(t, dev, func() { w.Set(dev, "GREETING", value) })) }

	old, err := os.Open(path)
	require.NoError(t, err)
	defer old.Close()
	change("a new and longer greeting")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "hello, world", string(text), "somebody has it open")
	_, err = old.Stat()
	require.NoError(t, err)
	require.NoError(t, old.Close())
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(path)
		return err == nil && string(text) == "a new and longer greeting"
	}, time.Minute, time.Millisecond)
}

// A mapping of an old version faults rather than showing another one.
func TestMappingsOfSecrets(t *testing.T) {
	w := newWorld(ttl(time.Hour))
	dir := fusetest.Mounted(t, w.Root(), w.Options())
	f, err := os.Open(dir + "/demo/dev/GREETING")
	require.NoError(t, err)
	defer f.Close()
	_, err = f.ReadAt(make([]byte, 12), 0) // or this process would wait for itself in a page fault
	require.NoError(t, err)
	for _, kind := range []int{unix.MAP_SHARED, unix.MAP_PRIVATE} {
		mapped, err := unix.Mmap(int(f.Fd()), 0, len("hello, world"), unix.PROT_READ, kind)
		require.NoError(t, err)
		require.Equal(t, "hello, world", string(mapped))
		require.NoError(t, unix.Munmap(mapped))
	}
	_, err = unix.Mmap(int(f.Fd()), 0, 1, unix.PROT_WRITE, unix.MAP_SHARED)
	require.Error(t, err)
}

// runs says of which letters a text is made.
func runs(text []byte) (list []string) {
	for len(text) > 0 {
		n := len(text) - len(bytes.TrimLeft(text, string(text[:1])))
		list = append(list, fmt.Sprintf("%d×%q", n, text[:1]))
		text = text[n:]
	}
	return list
}

// rotation is how long the next test rotates. A minute was tried.
const rotation = 3 * time.Second

// Readers of all habits and a value that changes every 20 ms: each read is one
// version whole, or an error, and after a new one no older one is seen.
func TestRotationUnderReaders(t *testing.T) {
	for name, change := range map[string]func(*Config){"default": func(*Config) {}, "off": cacheOff, "watched": func(*Config) {}} {
		t.Run(name, func(t *testing.T) {
			var w *world
			var dir string
			if name == "watched" {
				w, dir = emitting(t, ttl(time.Hour))
			} else {
				w = newWorld(ttl(time.Hour), change)
				dir = fusetest.Mounted(t, w.Root(), w.Options())
			}
			version := func(i int) string {
				lengths := []int{48, 9000, 300, 4096, 70_000, 4097, 1, pagecache.OneRead + 5}
				text := []byte(strings.Repeat(string(rune('a'+i%26)), lengths[i%len(lengths)]))
				return string(text)
			}
			set := func(i int) {
				w.Apply(w.change(t, dev, func() { w.Set(dev, "KEY", version(i)) }))
			}
			w.Set(dev, "KEY", version(0))
			path := dir + "/demo/dev/KEY"
			var newest, done atomic.Int64
			index := func(text string) int { // the newest version that it can be
				for i := int(newest.Load()); i >= 0 && i > int(newest.Load())-100; i-- {
					if version(i) == text {
						return i
					}
				}
				return -1
			}
			var whole, refused, early, torn atomic.Int64
			// judge looks at what was read of a file that was open for so long. Who
			// is told of an end where an older version would go on has kept it open
			// for longer than a new version waits.
			judge := func(text []byte, err error, open time.Duration) {
				switch {
				case err != nil:
					if !errors.Is(err, syscall.ESTALE) {
						t.Errorf("read: %v", err)
					}
					refused.Add(1)
				case index(string(text)) >= 0:
					whole.Add(1)
				case open >= pagecache.ReaderWait && bytes.Count(text, text[:min(1, len(text))]) == len(text):
					early.Add(1)
				default:
					torn.Add(1)
					t.Logf("torn: %d bytes: %s, open for %s; the newest is %d of %d bytes", len(text), runs(text), open, newest.Load(), len(version(int(newest.Load()))))
				}
			}
			var readers sync.WaitGroup
			for _, piece := range []int{0, 0, 0, 16, 512, 4096, 0, 65536} {
				readers.Go(func() {
					for done.Load() == 0 {
						began := time.Now()
						f, err := os.Open(path)
						var text []byte
						switch {
						case err != nil:
						case piece == 0:
							text, err = io.ReadAll(f)
						default:
							buf := make([]byte, piece)
							for n := 0; err == nil; {
								n, err = f.Read(buf)
								text = append(text, buf[:n]...)
							}
							if err == io.EOF {
								err = nil
							}
						}
						judge(text, err, time.Since(began))
						f.Close()
					}
				})
			}
			for end := time.Now().Add(rotation); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				newest.Add(1)
				set(int(newest.Load()))
			}
			done.Store(1)
			readers.Wait()
			t.Logf("%d versions; %d whole reads, %d refused, %d ended early, %d torn", newest.Load(), whole.Load(), refused.Load(), early.Load(), torn.Load())
			require.Zero(t, torn.Load())
			require.Positive(t, whole.Load())
			w.awaitKernel()
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.True(t, string(text) == version(int(newest.Load())))
		})
	}
}
