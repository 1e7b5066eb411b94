//go:build linux

package mount

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/attach"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
	"infisicalfs/secret"
)

func TestMountedIsReadableAtOnce(t *testing.T) {
	fake := sample()
	m := mounted(t, config(directory(t), fake))
	got, err := os.ReadFile(filepath.Join(m.Mountpoint(), "GREETING"))
	require.NoError(t, err)
	require.Equal(t, "hello, world", string(got))
	require.Equal(t, 1, fake.Calls().All(), "the first contact serves the first read")
}

// Of several who mount in one place at once, one does; nothing is stacked.
func TestSimultaneousMounts(t *testing.T) {
	point := directory(t)
	var all sync.WaitGroup
	var mu sync.Mutex // guards won
	var won []*Mount
	for range 8 {
		all.Go(func() {
			m, err := New(t.Context(), config(point, sample()))
			if err != nil {
				requireCode(t, exitcode.Mountpoint, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			won = append(won, m)
		})
	}
	all.Wait()
	for _, m := range won {
		require.NoError(t, m.Close())
	}
	require.Len(t, won, 1)
}

func TestMountOptions(t *testing.T) {
	for _, others := range []bool{false, true} {
		cfg := config(directory(t), sample())
		cfg.AllowOther = others
		m := mounted(t, cfg)
		mounts, err := mounttable.Read()
		require.NoError(t, err)
		top := mounts.At(m.Mountpoint())
		require.Equal(t, "fuse.infisicalfs", top.FSType)
		require.Equal(t, strings.TrimPrefix(cfg.Root.String(), "/"), top.Source, "as in fstab, so that mount -a knows it again")
		for _, option := range []string{"nosuid", "nodev", "noexec"} {
			require.Contains(t, strings.Split(top.Options, ","), option)
		}
		super := strings.Split(top.VFSOptions, ",")
		require.Contains(t, super, "default_permissions")
		require.Contains(t, super, "max_read=131072")
		if others {
			require.Contains(t, super, "allow_other")
		} else {
			require.NotContains(t, super, "allow_other")
		}
	}
}

func TestChildrenDoNotInheritTheDevice(t *testing.T) {
	mounted(t, config(directory(t), sample()))
	require.Error(t, devicesLeft(os.Getpid()), "the check sees the device here")
	out, err := exec.Command("ls", "-l", "/proc/self/fd").CombinedOutput()
	require.NoError(t, err)
	require.NotContains(t, string(out), attach.Device)
}

func TestServerTroubleIsSaidBeforeMounting(t *testing.T) {
	needFUSE(t)
	for _, c := range []struct {
		err  error
		code int
	}{
		{secret.ErrDenied, exitcode.Denied},
		{secret.ErrUnauthenticated, exitcode.Login},
		{secret.ErrNotFound, exitcode.NotFound},
		{secret.ErrUnavailable, exitcode.Unreachable},
	} {
		point, fake := directory(t), sample()
		fake.FailAll(c.err)
		_, err := New(t.Context(), config(point, fake))
		require.ErrorIs(t, err, c.err)
		requireCode(t, c.code, err)
		requireFree(t, point)
	}
}

func TestNewGivesUpWithItsContext(t *testing.T) {
	needFUSE(t)
	point, fake := directory(t), sample()
	fake.Hang(true)
	defer fake.Hang(false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := New(ctx, config(point, fake))
	require.ErrorIs(t, err, context.Canceled)
	requireFree(t, point)
}

func TestUnmountingFromOutsideEndsWait(t *testing.T) {
	m := mounted(t, config(directory(t), sample()))
	require.NoError(t, exec.Command("umount", m.Mountpoint()).Run())
	require.NoError(t, m.Wait())
	require.NoError(t, m.Close())
	require.NoError(t, m.Close(), "Close may be called again")
}

// The kernel reuses connection numbers, so the end of the first mount must not be
// taken for a reason to remove the second.
func TestASuccessorIsLeftAlone(t *testing.T) {
	needFUSE(t)
	point := directory(t)
	var before *Mount
	for range 10 {
		m, err := New(t.Context(), config(point, sample()))
		require.NoError(t, err)
		if before != nil {
			require.NoError(t, before.Wait())
			require.NoError(t, before.Close())
			require.True(t, m.inTree())
			require.NoError(t, attach.Probe(t.Context(), point))
		}
		require.NoError(t, unix.Unmount(point, 0))
		before = m
	}
	require.NoError(t, before.Wait())
}

func TestBrokenConnectionIsAnErrorAndLeavesNoMount(t *testing.T) {
	m := mounted(t, config(directory(t), sample()))
	hold(t, m) // busy: forcing aborts, and the mount stays in the tree
	require.ErrorIs(t, unix.Unmount(m.Mountpoint(), unix.MNT_FORCE), unix.EBUSY)
	require.ErrorContains(t, m.Wait(), "ended the connection")
	requireFree(t, m.Mountpoint())
}

func TestCloseOfABusyMount(t *testing.T) {
	m := mounted(t, config(directory(t), sample()))
	f := hold(t, m)
	require.NoError(t, m.Close())
	require.NoError(t, m.Wait())
	requireFree(t, m.Mountpoint())
	_, err := f.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ENOTCONN)
}

func TestCloseLeavesAMountOnTopAlone(t *testing.T) {
	needFUSE(t)
	m, err := New(t.Context(), config(directory(t), sample()))
	require.NoError(t, err)
	require.NoError(t, unix.Mount("none", m.Mountpoint(), "tmpfs", 0, "size=64k"))
	err = m.Close()
	requireCode(t, exitcode.Mountpoint, err)
	require.ErrorContains(t, err, "a mount of tmpfs is on top of it")
	mounts, err := mounttable.Read()
	require.NoError(t, err)
	require.Equal(t, "tmpfs", mounts.At(m.Mountpoint()).FSType)
	require.NoError(t, unix.Unmount(m.Mountpoint(), 0))
	require.NoError(t, unix.Unmount(m.Mountpoint(), 0))
	require.NoError(t, m.Wait())
}

func TestHiddenContentIsAllowed(t *testing.T) {
	point := directory(t)
	below := filepath.Join(point, "below")
	require.NoError(t, os.WriteFile(below, nil, 0o600))
	m := mounted(t, config(point, sample()))
	_, err := os.Stat(below)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, m.Close())
	require.NoError(t, os.Remove(below))
}

// hold keeps a file of the mount open until the end of the test.
func hold(t *testing.T, m *Mount) *os.File {
	t.Helper()
	f, err := os.Open(filepath.Join(m.Mountpoint(), "GREETING"))
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func requireFree(t *testing.T, point string) {
	t.Helper()
	mounts, err := mounttable.Read()
	require.NoError(t, err)
	require.Nil(t, mounts.At(point))
}

func TestErrorIsOneLineWithItsHintApart(t *testing.T) {
	err := exitcode.Errorf(exitcode.Mountpoint, "do this", "cannot: %w", os.ErrPermission)
	known := requireCode(t, exitcode.Mountpoint, err)
	require.Equal(t, "cannot: permission denied", err.Error())
	require.Equal(t, "do this", known.Hint)
	require.True(t, errors.Is(err, os.ErrPermission))
}
