//go:build linux

package session

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// counting is a file system that is asked for a name, which it has not, and says how
// often it was asked. While it is held it does not answer.
type counting struct {
	fuse.RawFileSystem
	asked atomic.Int64
	held  atomic.Pointer[chan struct{}]
}

func (c *counting) Lookup(<-chan struct{}, *fuse.InHeader, string, *fuse.EntryOut) fuse.Status {
	c.asked.Add(1)
	if held := c.held.Load(); held != nil {
		<-*held
	}
	return fuse.ENOENT
}

func (c *counting) GetAttr(_ <-chan struct{}, _ *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	out.Mode = unix.S_IFDIR | 0o755
	return fuse.OK
}

var options = &fuse.MountOptions{MaxWrite: 128 << 10}

// mountpoint returns a mount that nobody serves yet.
func mountpoint(t *testing.T) (point string, device int) {
	device, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil || os.Geteuid() != 0 {
		if os.Getenv("REQUIRE_FUSE") != "" {
			t.Fatalf("REQUIRE_FUSE is set, but this is not root with /dev/fuse: %v", err)
		}
		t.Skipf("needs root and /dev/fuse: %v", err)
	}
	point = t.TempDir()
	require.NoError(t, unix.Mount("session", point, "fuse.test", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", device)))
	t.Cleanup(func() { unix.Unmount(point, unix.MNT_DETACH|unix.MNT_FORCE) })
	return point, device
}

// ask looks a name up and returns an error unless it is absent.
func ask(point string, name any) error {
	if _, err := os.Lstat(filepath.Join(point, fmt.Sprint(name))); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%v: %w", name, err)
	}
	return nil
}

// askers look names up all the time until they are stopped, which returns the first
// error.
func askers(point string) (stop func() error) {
	var over atomic.Bool
	var group sync.WaitGroup
	var failed atomic.Pointer[error]
	for range 4 {
		group.Go(func() {
			for n := 0; !over.Load(); n++ {
				if err := ask(point, n); err != nil {
					failed.Store(&err)
					return
				}
			}
		})
	}
	return func() error {
		over.Store(true)
		group.Wait()
		if err := failed.Load(); err != nil {
			return *err
		}
		return nil
	}
}

func begin(t *testing.T, device int, raw fuse.RawFileSystem) (*Session, <-chan bool) {
	s, err := Begin(device, raw, options)
	require.NoError(t, err)
	return s, serve(s)
}

func serve(s *Session) <-chan bool {
	ended := make(chan bool, 1)
	go func() { ended <- s.Serve(); s.Close() }()
	return ended
}

// Servers of one process take turns under load, and nobody notices.
func TestDrainAndResume(t *testing.T) {
	point, device := mountpoint(t)
	s, ended := begin(t, device, &counting{RawFileSystem: fuse.NewDefaultRawFileSystem()})
	stop := askers(point)
	for range 30 {
		require.True(t, s.Drain(10*time.Second))
		require.NoError(t, s.Resume())
	}
	require.NoError(t, stop())
	require.NoError(t, unix.Unmount(point, 0))
	require.False(t, <-ended)
}

// Sessions take turns as two processes would, which have the open file in common.
func TestTheNextGoesOn(t *testing.T) {
	point, device := mountpoint(t)
	raws := []*counting{{RawFileSystem: fuse.NewDefaultRawFileSystem()}, {RawFileSystem: fuse.NewDefaultRawFileSystem()}}
	s, ended := begin(t, device, raws[0])
	stop := askers(point)
	for i := range 30 {
		copied, err := unix.FcntlInt(uintptr(s.Device()), unix.F_DUPFD_CLOEXEC, 0)
		require.NoError(t, err)
		next, err := Continue(copied, s.Greeting(), raws[(i+1)%2], options)
		require.NoError(t, err)
		require.True(t, s.Drain(10*time.Second))
		before := raws[i%2].asked.Load()
		s.Leave()
		require.True(t, <-ended)
		require.NoError(t, next.Unblock())
		ended = serve(next)
		require.NoError(t, ask(point, "through the next"))
		require.Equal(t, before, raws[i%2].asked.Load(), "the one before is not asked any more")
		s = next
	}
	require.NoError(t, stop())
	require.NoError(t, unix.Unmount(point, 0))
	require.False(t, <-ended)
}

// A server that does not answer in time does not keep others from being answered: it is
// answered beside them.
func TestASlowAnswerIsNotWaitedFor(t *testing.T) {
	point, device := mountpoint(t)
	raw := &counting{RawFileSystem: fuse.NewDefaultRawFileSystem()}
	held := make(chan struct{})
	raw.held.Store(&held)
	s, ended := begin(t, device, raw)
	slow := make(chan error)
	go func() { slow <- ask(point, "slow") }()
	require.Eventually(t, func() bool { return raw.asked.Load() == 1 }, 10*time.Second, time.Millisecond)
	require.False(t, s.Drain(20*time.Millisecond))
	require.NoError(t, s.Resume())
	raw.held.Store(nil)
	_, err := os.Lstat(point)
	require.NoError(t, err)
	close(held)
	require.NoError(t, <-slow)
	require.True(t, s.Drain(10*time.Second))
	require.NoError(t, s.Resume())
	require.NoError(t, ask(point, "another"))
	require.NoError(t, unix.Unmount(point, 0))
	require.False(t, <-ended)
}

// A server that has ended in the last moment has closed its descriptor, whose number may be
// somebody else's by then.
func TestAbandonLeavesOtherFilesAlone(t *testing.T) {
	point, device := mountpoint(t)
	s, ended := begin(t, device, &counting{RawFileSystem: fuse.NewDefaultRawFileSystem()})
	var number int
	require.NoError(t, held(s.server.Load(), func(fd int) error { number = fd; return nil }))
	require.True(t, s.Drain(10*time.Second))
	from, to, err := os.Pipe()
	require.NoError(t, err)
	defer from.Close()
	defer to.Close()
	if int(from.Fd()) != number && int(to.Fd()) != number { // what is opened gets the lowest number that is free
		require.NoError(t, unix.Dup3(int(to.Fd()), number, unix.O_CLOEXEC))
		defer unix.Close(number)
	}
	require.NoError(t, s.Abandon())
	for _, fd := range []int{int(to.Fd()), number} {
		if fd == int(from.Fd()) {
			continue
		}
		_, err := unix.Write(fd, []byte("x"))
		require.NoError(t, err)
		n, err := from.Read(make([]byte, 2))
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
	require.True(t, <-ended)
	require.NoError(t, unix.Unmount(point, 0))
}

// The end of the mount while it is drained is noticed.
func TestTheEndWhileDrained(t *testing.T) {
	point, device := mountpoint(t)
	s, ended := begin(t, device, &counting{RawFileSystem: fuse.NewDefaultRawFileSystem()})
	require.True(t, s.Drain(10*time.Second))
	require.NoError(t, unix.Unmount(point, unix.MNT_DETACH))
	require.False(t, s.Drain(time.Second), "nobody has to go on")
	require.NoError(t, s.Resume())
	require.False(t, <-ended)
}

// Who would agree on other features with the kernel must not go on.
func TestOtherFeatures(t *testing.T) {
	point, device := mountpoint(t)
	raw := &counting{RawFileSystem: fuse.NewDefaultRawFileSystem()}
	s, ended := begin(t, device, raw)
	copied, err := unix.FcntlInt(uintptr(device), unix.F_DUPFD_CLOEXEC, 0)
	require.NoError(t, err)
	_, err = Continue(copied, s.Greeting(), raw, &fuse.MountOptions{MaxWrite: 64 << 10})
	require.ErrorIs(t, err, ErrOtherFeatures)
	require.NoError(t, ask(point, "still served"))
	require.NoError(t, unix.Unmount(point, 0))
	require.False(t, <-ended)
}

// Who drains before Serve has begun waits for that.
func TestDrainBeforeServe(t *testing.T) {
	point, device := mountpoint(t)
	s, err := Begin(device, &counting{RawFileSystem: fuse.NewDefaultRawFileSystem()}, options)
	require.NoError(t, err)
	require.False(t, s.Drain(time.Millisecond))
	drained := make(chan bool)
	go func() { drained <- s.Drain(10 * time.Second) }()
	ended := serve(s)
	require.True(t, <-drained)
	require.NoError(t, s.Resume())
	require.NoError(t, ask(point, "served"))
	require.NoError(t, unix.Unmount(point, 0))
	require.False(t, <-ended)
}
