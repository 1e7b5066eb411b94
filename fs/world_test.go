package fs

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

var (
	project  = secret.Dir{Project: "demo"}
	dev      = project.Child("dev")
	payments = dev.Child("payments")
	started  = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
)

// world is a file system over a scripted server.
type world struct {
	*secrettest.Fake
	*FS
	logs    *safeBuffer
	between atomic.Pointer[sourceFunc] // answers in the server's place
}

// answer makes f answer what the file system asks.
func (w *world) answer(f sourceFunc) { w.between.Store(&f) }

func (w *world) ask(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
	if f := w.between.Load(); f != nil {
		return (*f)(ctx, dir, need)
	}
	return w.Folder(ctx, dir, need)
}

// somebody returns uid if we may act for others, else ourselves.
func somebody(uid uint32) uint32 {
	if os.Geteuid() == 0 {
		return uid
	}
	return uint32(os.Getuid())
}

// newWorld returns a world with a few secrets. The kernel may remember nothing
// unless change sets a TTL.
func newWorld(change ...func(*Config)) *world {
	w := &world{Fake: secrettest.NewFake(), logs: &safeBuffer{}}
	w.Set(dev, "GREETING", "hello, world")
	w.Set(dev, "EMPTY", "")
	w.Set(payments, "API_KEY", "not-a-real-key")
	cfg := Config{
		TTL: -1, Source: sourceFunc(w.ask), MountTime: started, UID: uint32(os.Getuid()), OwnerUID: uint32(os.Getuid()),
		Views: allViews,
		Log:   slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&cfg)
	}
	if cfg.Writer != nil {
		cfg.Writer = w.Fake.Writer()
	}
	w.FS = New(cfg)
	return w
}

// writing makes a world writable.
func writing(c *Config) { c.Writer = (*secrettest.FakeWriter)(nil) }

// bothWaysWriting is bothWays on writable worlds. What is only here ends with
// the test.
func bothWaysWriting(t *testing.T, test func(*testing.T, *world, fusetest.View), change ...func(*Config)) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		defer w.Close()
		test(t, w, v)
	}, append([]func(*Config){writing}, change...)...)
}

// requireValue checks what the server has.
func (w *world) requireValue(t testing.TB, dir secret.Dir, name, value string) {
	t.Helper()
	s, ok := w.Own(dir, name)
	require.True(t, ok, "%s is not on the server", name)
	require.Equal(t, value, s.Value.Reveal())
}

func (w *world) build(testing.TB) (fusefs.InodeEmbedder, *fusefs.Options) {
	return w.Root(), w.Options()
}

// bothWays runs test on a new world, without a mount and with one.
func bothWays(t *testing.T, test func(*testing.T, *world, fusetest.View), change ...func(*Config)) {
	var w *world
	fusetest.Run(t, func(t testing.TB) (fusefs.InodeEmbedder, *fusefs.Options) {
		w = newWorld(change...)
		return w.build(t)
	}, func(t *testing.T, v fusetest.View) { test(t, w, v) })
}

func ttl(d time.Duration) func(*Config) { return func(c *Config) { c.TTL = d } }

// cacheOff lets the kernel keep nothing of a value.
func cacheOff(c *Config) { c.KernelCache = CacheOff }

// announce tells the file system and waits until the kernel has been told.
func (w *world) announce(change secret.Change) {
	w.Apply(change)
	w.awaitKernel()
}

// awaitKernel waits until the kernel has been told all that has changed.
func (w *world) awaitKernel() {
	if idle := w.notices.Idle(); idle != nil {
		<-idle
	}
}

func snapshot(t testing.TB, src secret.Source, dir secret.Dir) *secret.Folder {
	snap, err := src.Folder(t.Context(), dir, secret.NeedProof)
	require.NoError(t, err)
	return snap
}

// sourceFunc is a Source made of a function.
type sourceFunc func(context.Context, secret.Dir, secret.Need) (*secret.Folder, error)

func (f sourceFunc) Folder(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
	return f(ctx, dir, need)
}

// keeper is a source that has the answers of a fake at hand.
type keeper struct {
	sourceFunc
	at *secrettest.Fake
}

func (k keeper) Fresh(dir secret.Dir, need secret.Need) *secret.Folder {
	snap, err := k.at.Folder(context.Background(), dir, need)
	if err != nil {
		return nil
	}
	return snap
}

// safeBuffer is a buffer for concurrent use.
type safeBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// fuseContext is the context of a request by that process.
func fuseContext(pid int) context.Context {
	return &fuse.Context{Caller: fuse.Caller{Pid: uint32(pid), Owner: fuse.Owner{Uid: uint32(os.Getuid())}}, Cancel: make(chan struct{})}
}

// alone is a writable world without a mount, of which we make the requests.
func alone(t *testing.T, change ...func(*Config)) (*world, *fusetest.Kernel) {
	w := newWorld(append([]func(*Config){writing}, change...)...)
	t.Cleanup(w.Close)
	k := fusetest.Direct(t, w.Root(), w.Options())
	as(k, os.Getpid())
	return w, k
}
