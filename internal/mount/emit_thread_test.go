//go:build linux

package mount

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/fs"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/blocking"
	"infisicalfs/internal/mounttable"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

func init() { roles["stall"] = emitAndStall }

// telling is a mount of this process that tells watchers.
func telling(t *testing.T, point string) (*Mount, *secrettest.Fake) {
	t.Helper()
	fake := sample()
	cfg := config(point, fake)
	cfg.FS.Notify = NotifyFull
	return mounted(t, cfg), fake
}

// changeGreeting makes a change on the server and has m notice it.
func changeGreeting(t *testing.T, m *Mount, fake *secrettest.Fake, value string) {
	t.Helper()
	// Nothing is opened: threads of this process keep open for a moment what was
	// open when they began, and the mount would be busy.
	var st unix.Stat_t
	require.NoError(t, unix.Stat(filepath.Join(m.point, "GREETING"), &st))
	fake.Set(devDir, "GREETING", value)
	require.NoError(t, m.rooms.refresh())
	_, err := m.rooms.cache.Folder(t.Context(), devDir, secret.NeedListing)
	require.NoError(t, err)
}

// told waits until watchers were told of n names.
func told(t *testing.T, m *Mount, n uint64) {
	t.Helper()
	counts := func() fs.NotifyCounts { return *m.rooms.tree.Counts().Notify }
	for deadline := time.Now().Add(10 * time.Second); counts().Told != n; time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "%+v", counts())
	}
}

// However it is unmounted, the second instance of the mount keeps nothing alive.
func TestTellingWatchersEndsWithTheMount(t *testing.T) {
	run := func(name string, args ...string) func(*testing.T, *Mount) {
		return func(t *testing.T, m *Mount) {
			out, err := exec.Command(name, append(args, m.point)...).CombinedOutput()
			require.NoError(t, err, "%s", out)
		}
	}
	for name, unmount := range map[string]func(*testing.T, *Mount){
		"umount":      run("umount"),
		"umount -l":   run("umount", "-l"),
		"umount -f":   run("umount", "-f"),
		"fusermount3": run("fusermount3", "-u"),
		"infisicalfs": func(t *testing.T, m *Mount) { require.NoError(t, unmounted(t.Context(), m.point)) },
		"its process": func(t *testing.T, m *Mount) { require.NoError(t, m.Close()) },
	} {
		t.Run(name, func(t *testing.T) {
			m, fake := telling(t, directory(t))
			changeGreeting(t, m, fake, "hi")
			told(t, m, 1)
			unmount(t, m)
			select {
			case <-m.Done():
			case <-time.After(2 * time.Second):
				t.Fatal("it goes on")
			}
		})
	}
}

// A mount that tells nobody at the moment is not in use.
func TestTellingWatchersDoesNotKeepTheMountBusy(t *testing.T) {
	m, fake := telling(t, directory(t))
	for i := range 20 {
		changeGreeting(t, m, fake, fmt.Sprint("value ", i))
	}
	told(t, m, 20)
	require.NoError(t, unix.Unmount(m.point, 0))
}

// Nothing that the process had open stays open in the thread's own table.
func TestTheEmittingThreadHoldsNothingOpen(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	m, fake := telling(t, directory(t))
	changeGreeting(t, m, fake, "hi")
	told(t, m, 1)
	require.NoError(t, w.Close())
	require.NoError(t, r.SetReadDeadline(time.Now().Add(5*time.Second)))
	_, err = r.Read(make([]byte, 1))
	require.ErrorContains(t, err, "EOF")
	var open map[int]string
	require.NoError(t, m.rooms.emit(func(int) { open, err = blocking.Descriptors() }))
	require.NoError(t, err)
	for fd, target := range open {
		require.NotEqual(t, attach.Device, target, "descriptor %d", fd)
		require.NotContains(t, target, "socket:")
		require.NotContains(t, target, "pipe:")
	}
}

// The visible mount may be made read-only, covered or moved.
func TestWatchersAreToldThroughAnotherInstance(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, m *Mount){
		"read-only": func(t *testing.T, m *Mount) {
			require.NoError(t, unix.Mount("", m.point, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""))
			require.ErrorIs(t, os.WriteFile(filepath.Join(m.point, "NEW"), nil, 0o600), unix.EROFS)
		},
		"covered": func(t *testing.T, m *Mount) {
			require.NoError(t, unix.Mount("none", m.point, "tmpfs", 0, ""))
			t.Cleanup(func() { require.NoError(t, unix.Unmount(m.point, 0)) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, fake := telling(t, directory(t))
			_, err := os.ReadFile(filepath.Join(m.point, "GREETING"))
			require.NoError(t, err)
			change(t, m)
			fake.Set(devDir, "GREETING", "hi")
			require.NoError(t, m.rooms.refresh())
			_, err = m.rooms.cache.Folder(t.Context(), devDir, secret.NeedListing)
			require.NoError(t, err)
			told(t, m, 1)
		})
	}
}

// A process that is killed in the middle of an event that nobody answers is gone
// at once, and its mount hangs nobody.
func TestKilledInTheMiddleOfAnEvent(t *testing.T) {
	needFUSE(t)
	point := directory(t)
	cmd := again("stall", "POINT="+point)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill() })
	word := make([]byte, len("stalled"))
	_, err = out.Read(word)
	require.NoError(t, err)
	require.Equal(t, "stalled", string(word))

	require.NoError(t, cmd.Process.Kill())
	gone := make(chan error, 1)
	go func() { gone <- cmd.Wait() }()
	select {
	case err := <-gone:
		require.ErrorContains(t, err, "killed")
	case <-time.After(2 * time.Second):
		_ = unix.Unmount(point, unix.MNT_FORCE|unix.MNT_DETACH) // the cure of last resort
		<-gone
		t.Fatal("the process could not be killed")
	}
	require.ErrorIs(t, attach.Probe(context.Background(), point), unix.ENOTCONN)
}

// stalling never answers a request to set dates.
type stalling struct{ fuse.RawFileSystem }

func (stalling) SetAttr(<-chan struct{}, *fuse.SetAttrIn, *fuse.AttrOut) fuse.Status {
	fmt.Print("stalled")
	select {}
}

func emitAndStall() error {
	point, fake := os.Getenv("POINT"), sample()
	cfg := config(point, fake)
	cfg.FS.Notify = fs.NotifyFull
	ctx := context.Background()
	rooms := wire(cfg, point, time.Now())
	if err := rooms.firstContact(ctx); err != nil {
		return err
	}
	fd, err := attach.Mount(ctx, point, mounttable.SourceName, false, PropagateRO)
	if err != nil {
		return err
	}
	raw := stalling{fusefs.NewNodeFS(rooms.tree.Root(), rooms.tree.Options())}
	server, err := fuse.NewServer(raw, fmt.Sprintf("/dev/fd/%d", fd), &fuse.MountOptions{})
	if err != nil {
		return err
	}
	go server.Serve()
	dev, err := connection(point)
	if err != nil {
		return err
	}
	rooms.startEmitThread(cfg, point, dev, func() {})
	var st unix.Stat_t // so that the kernel knows what it will be told of
	if err := unix.Stat(filepath.Join(point, "GREETING"), &st); err != nil {
		return err
	}
	fake.Set(devDir, "GREETING", "hi")
	if err := rooms.refresh(); err != nil {
		return err
	}
	// Not through the mount: a read of our own that is under way would keep us.
	if _, err := rooms.cache.Folder(ctx, devDir, secret.NeedListing); err != nil {
		return err
	}
	select {}
}

func init() {
	userCases["tells watchers, writable"] = struct {
		room room
		run  func(dir string) error
	}{run: func(dir string) error {
		return userTells(dir, false, "full", map[string]uint32{
			"GREETING": unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_CLOSE_WRITE,
			"NEW":      unix.IN_CREATE | unix.IN_CLOSE_WRITE,
			"OLD":      unix.IN_DELETE,
		})
	}}
	userCases["tells watchers, read-only"] = struct {
		room room
		run  func(dir string) error
	}{run: func(dir string) error {
		return userTells(dir, true, "attrib", map[string]uint32{
			"GREETING": unix.IN_MODIFY | unix.IN_ATTRIB,
			"":         unix.IN_ATTRIB | unix.IN_ISDIR, // something in the directory
		})
	}}
}

// userTells changes a value, a new and an old name, and wants certain events.
func userTells(dir string, readOnly bool, inForce string, want map[string]uint32) error {
	fake := sample()
	fake.Set(devDir, "OLD", "x")
	cfg := config(dir, fake)
	cfg.FS.Notify, cfg.Writer, cfg.ReadOnly = NotifyFull, fake.Writer(), readOnly
	m, err := New(context.Background(), cfg)
	if err != nil {
		return err
	}
	defer m.Close()
	if _, err := os.ReadDir(dir); err != nil {
		return err
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	const all = unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_CLOSE_WRITE | unix.IN_CREATE | unix.IN_DELETE
	if _, err := unix.InotifyAddWatch(fd, dir, all); err != nil {
		return err
	}
	fake.Set(devDir, "GREETING", "hi")
	fake.Set(devDir, "NEW", "x")
	fake.Remove(devDir, "OLD")
	if err := m.rooms.refresh(); err != nil {
		return err
	}
	if _, err := os.ReadFile(filepath.Join(dir, "GREETING")); err != nil {
		return err
	}
	heard := map[string]uint32{}
	deadline := time.Now().Add(10 * time.Second)
	for !reflect.DeepEqual(heard, want) {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		unix.Poll(poll, 100)
		buf := make([]byte, 64<<10)
		n, _ := unix.Read(fd, buf)
		for buf = buf[:max(n, 0)]; len(buf) > 0; {
			mask, length := binary.NativeEndian.Uint32(buf[4:]), binary.NativeEndian.Uint32(buf[12:])
			heard[strings.TrimRight(string(buf[16:16+length]), "\x00")] |= mask
			buf = buf[16+length:]
		}
		if counts := m.rooms.tree.Counts().Notify; time.Now().After(deadline) || string(counts.InForce) != inForce || counts.Failed > 0 {
			return fmt.Errorf("heard %x, not %x; %+v", heard, want, *counts)
		}
	}
	if _, err := Unmount(context.Background(), dir, false); err != nil {
		return err
	}
	if !m.letGoWithin(2 * time.Second) {
		return errors.New("it goes on after the unmount")
	}
	return userFree(dir)
}
