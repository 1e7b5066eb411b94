//go:build linux

package mount

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/cache"
	tree "infisicalfs/fs"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/mount/internal/known"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// hub is a hub over a fake, which ends after the test's mounts.
func hub(t *testing.T, fake *secrettest.Fake) *Hub {
	t.Helper()
	needFUSE(t)
	h := NewHub(HubConfig{
		Upstream: fake, Writer: fake.Writer(),
		Cache: cache.Config{TTL: time.Minute, MaxStale: time.Minute, SoftDeadline: time.Second},
	})
	t.Cleanup(h.Close)
	return h
}

// on is a mount of a hub at root.
func on(t *testing.T, h *Hub, root secret.Dir, change func(*Config)) *Mount {
	t.Helper()
	cfg := config(directory(t), nil)
	cfg.Hub, cfg.Root, cfg.FS.NoControl = h, root, true
	cfg.FS.Notify = tree.Notify("full")
	if change != nil {
		change(&cfg)
	}
	return mounted(t, cfg)
}

func reads(t *testing.T, m *Mount, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(m.Mountpoint(), name))
	require.NoError(t, err)
	return string(text)
}

func TestMountsOfAHubShareRequests(t *testing.T) {
	fake := sample()
	h := hub(t, fake)
	for range 5 {
		require.Equal(t, "hello, world", reads(t, on(t, h, devDir, nil), "GREETING"))
	}
	require.Equal(t, 1, fake.Calls().All())
}

// What goes on of a mount of a hub is what it shows, and its share of the room.
func TestWhatGoesOnOfAMountOfAHub(t *testing.T) {
	fake := sample()
	fake.Set(devDir.Child("pay"), "KEY", "one")
	h := hub(t, fake)
	all, part := on(t, h, devDir, nil), on(t, h, devDir.Child("pay"), nil)
	require.Equal(t, "hello, world", reads(t, all, "GREETING"))
	require.Equal(t, "one", reads(t, part, "KEY"))
	dirs := func(m *Mount, limit int) (dirs []secret.Dir) {
		fd := m.seal(limit)
		if fd < 0 {
			return nil
		}
		defer unix.Close(fd)
		list, err := known.Open(fd)
		require.NoError(t, err)
		for _, k := range list {
			dirs = append(dirs, k.Folder.Dir)
		}
		return dirs
	}
	require.ElementsMatch(t, []secret.Dir{devDir, devDir.Child("pay")}, dirs(all, 1<<20))
	require.Equal(t, []secret.Dir{devDir.Child("pay")}, dirs(part, 1<<20))
	require.Len(t, dirs(all, 450), 1, "half of it is this mount's")
	all.KeepToItself()
	require.Empty(t, dirs(all, 1<<20))
}

// What one mount writes, renames and removes the others show at once, and only where
// it is below their own roots.
func TestMountsOfAHubShareChanges(t *testing.T) {
	fake := sample()
	fake.Set(devDir.Child("pay"), "KEY", "one")
	h := hub(t, fake)
	writer := on(t, h, devDir, func(cfg *Config) { cfg.Writer, cfg.FS.FileMode, cfg.FS.DirMode = fake.Writer(), 0o600, 0o700 })
	all, part := on(t, h, devDir, nil), on(t, h, devDir.Child("pay"), nil)
	require.Equal(t, "one", reads(t, all, "pay/KEY"))
	require.Equal(t, "one", reads(t, part, "KEY"))

	require.NoError(t, os.WriteFile(filepath.Join(writer.Mountpoint(), "pay/KEY"), []byte("two"), 0o600))
	require.Eventually(t, func() bool { return reads(t, all, "pay/KEY") == "two" && reads(t, part, "KEY") == "two" }, 10*time.Second, time.Millisecond)
	require.NoError(t, os.Rename(filepath.Join(writer.Mountpoint(), "pay/KEY"), filepath.Join(writer.Mountpoint(), "pay/OTHER")))
	gone := func(m *Mount, name string) func() bool {
		return func() bool {
			_, err := os.Stat(filepath.Join(m.Mountpoint(), name))
			return errors.Is(err, fs.ErrNotExist)
		}
	}
	require.Eventually(t, gone(part, "KEY"), 10*time.Second, time.Millisecond)
	require.Equal(t, "two", reads(t, part, "OTHER"))
	require.NoError(t, os.Remove(filepath.Join(writer.Mountpoint(), "pay/OTHER")))
	require.Eventually(t, gone(part, "OTHER"), 10*time.Second, time.Millisecond)
	require.Eventually(t, gone(all, "pay/OTHER"), 10*time.Second, time.Millisecond)
	require.Equal(t, "hello, world", reads(t, all, "GREETING"))
}

// A refusal of one mount's root is that mount's.
func TestARefusalReachesOneMountOfAHub(t *testing.T) {
	fake := sample()
	pay := devDir.Child("pay")
	fake.Set(pay, "KEY", "one")
	h := hub(t, fake)
	heard := make(chan error, 10)
	all := on(t, h, devDir, nil)
	part := on(t, h, pay, func(cfg *Config) { cfg.OnAccess = func(err error) { heard <- err } })
	held, err := os.Open(filepath.Join(part.Mountpoint(), "KEY"))
	require.NoError(t, err)
	defer held.Close()
	fake.Fail(pay, secret.ErrDenied)
	require.NoError(t, part.Refresh())
	_, err = os.Stat(filepath.Join(part.Mountpoint(), "KEY"))
	require.ErrorIs(t, err, syscall.EACCES)
	require.ErrorIs(t, <-heard, secret.ErrDenied)
	_, err = held.Read(make([]byte, 10))
	require.ErrorIs(t, err, syscall.EACCES, "what was open is revoked")
	require.Equal(t, "hello, world", reads(t, all, "GREETING"))
	fake.Fail(pay, nil)
	require.NoError(t, part.Refresh())
	require.Equal(t, "one", reads(t, part, "KEY"))
	require.NoError(t, <-heard)
}

// A mount that is left is dead until the next one takes its place.
func TestLeave(t *testing.T) {
	fake := sample()
	cfg := config(directory(t), fake)
	m := mounted(t, cfg)
	require.NoError(t, m.Leave())
	require.ErrorIs(t, attach.Probe(t.Context(), m.Mountpoint()), syscall.ENOTCONN)
	require.NoError(t, m.Close(), "does nothing")
	require.ErrorIs(t, attach.Probe(t.Context(), m.Mountpoint()), syscall.ENOTCONN)

	fake.FailAll(secret.ErrUnavailable)
	cfg.Unasked = true
	next := mounted(t, cfg)
	_, err := os.ReadFile(filepath.Join(next.Mountpoint(), "GREETING"))
	require.Error(t, err)
	require.NotErrorIs(t, err, fs.ErrNotExist, "an outage is no absence")
	fake.FailAll(nil)
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(filepath.Join(next.Mountpoint(), "GREETING"))
		return err == nil && string(text) == "hello, world"
	}, 10*time.Second, 10*time.Millisecond)
}

// hears watches a directory, and returns what waits for an event of a name there.
func hears(t *testing.T, dir string) (event func(name string, mask uint32)) {
	t.Helper()
	_, err := os.ReadDir(dir)
	require.NoError(t, err)
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	_, err = unix.InotifyAddWatch(fd, dir, unix.IN_MODIFY|unix.IN_CREATE|unix.IN_DELETE|unix.IN_MOVE)
	require.NoError(t, err)
	heard := map[string]uint32{}
	return func(name string, mask uint32) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); heard[name]&mask == 0; {
			require.True(t, time.Now().Before(deadline), "of %s was heard %x, not %x; %x", name, heard[name], mask, heard)
			poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			unix.Poll(poll, 100)
			buf := make([]byte, 64<<10)
			n, _ := unix.Read(fd, buf)
			for buf = buf[:max(n, 0)]; len(buf) > 0; {
				length := binary.NativeEndian.Uint32(buf[12:])
				heard[strings.TrimRight(string(buf[16:16+length]), "\x00")] |= binary.NativeEndian.Uint32(buf[4:])
				buf = buf[16+length:]
			}
		}
		heard[name] = 0
	}
}

// Who watches one mount hears what is changed through another: values, names, and what
// goes, folders as well.
func TestWatchersOfAHubsMountsHearOneAnother(t *testing.T) {
	fake := sample()
	pay := devDir.Child("pay")
	fake.Set(pay, "KEY", "one")
	fake.Set(pay.Child("eu"), "KEY", "one")
	h := hub(t, fake)
	writer := on(t, h, devDir, func(cfg *Config) { cfg.Writer, cfg.FS.FileMode, cfg.FS.DirMode = fake.Writer(), 0o600, 0o700 })
	all, part := on(t, h, devDir, nil), on(t, h, pay, nil)
	at := func(name string) string { return filepath.Join(writer.Mountpoint(), "pay", name) }
	above, here := hears(t, filepath.Join(all.Mountpoint(), "pay")), hears(t, part.Mountpoint())
	both := func(name string, mask uint32) {
		t.Helper()
		above(name, mask)
		here(name, mask)
	}
	for _, m := range []string{filepath.Join(all.Mountpoint(), "pay/KEY"), filepath.Join(part.Mountpoint(), "KEY")} {
		_, err := os.ReadFile(m)
		require.NoError(t, err)
	}
	require.NoError(t, os.WriteFile(at("KEY"), []byte("two"), 0o600))
	both("KEY", unix.IN_MODIFY)
	require.NoError(t, os.Rename(at("KEY"), at("OTHER")))

	both("KEY", unix.IN_DELETE|unix.IN_MOVED_FROM)
	both("OTHER", unix.IN_CREATE|unix.IN_MOVED_TO)
	require.NoError(t, os.Remove(at("OTHER")))
	both("OTHER", unix.IN_DELETE)
	require.NoError(t, os.Rename(at("eu"), at("us")))
	both("eu", unix.IN_DELETE|unix.IN_MOVED_FROM)
	both("us", unix.IN_CREATE|unix.IN_MOVED_TO)
	require.NoError(t, os.Remove(at("us/KEY")))
	require.NoError(t, os.Remove(at("us")))
	both("us", unix.IN_DELETE)
}

// A process with a thousand mounts has two or three thousand buffers for requests.
func TestMountsOfAHubHaveSmallBuffers(t *testing.T) {
	fake := sample()
	large := strings.Repeat("0123456789abcdef", 16<<10)
	fake.Set(devDir, "LARGE", large)
	h := hub(t, fake)
	var log syncBuffer
	m := on(t, h, devDir, func(cfg *Config) {
		cfg.Writer, cfg.FS.FileMode, cfg.FS.DirMode = fake.Writer(), 0o600, 0o700
		cfg.Debug, cfg.Log = true, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	requests := func(name string) int { return strings.Count(log.String(), ": "+name+" n") }
	require.Equal(t, large, reads(t, m, "LARGE"))
	require.LessOrEqual(t, requests("READ"), 4, "128 KiB each, and the end")
	other := strings.ToUpper(large)
	require.NoError(t, os.WriteFile(filepath.Join(m.Mountpoint(), "LARGE"), []byte(other), 0o600))
	require.Equal(t, len(large)>>12, requests("WRITE"))
	require.Equal(t, other, reads(t, m, "LARGE"))
}
