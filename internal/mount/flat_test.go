//go:build linux

package mount

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/fs"
	"infisicalfs/secret"
)

// Who watches a flat directory hears of what is in a new folder, and that it went.
func TestWatchersOfAFlatDirectoryHearOfFolders(t *testing.T) {
	fake := sample()
	cfg := config(directory(t), fake)
	cfg.Layout, cfg.FS.Notify = Layout{Kind: "flat", Separator: "__"}, fs.NotifyFull
	m := mounted(t, cfg)
	look := func() {
		require.NoError(t, os.WriteFile(m.Mountpoint()+"/.infisicalfs/refresh", []byte("1"), 0o600))
		_, err := os.ReadDir(m.Mountpoint())
		require.NoError(t, err)
	}
	look()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	require.NoError(t, err)
	defer unix.Close(fd)
	jobs := devDir.Child("jobs")
	for _, step := range []struct {
		event  uint32
		change func()
	}{
		{unix.IN_CREATE, func() {
			fake.Set(jobs, "KEY", "not-a-real-key")
			look()
		}},
		{unix.IN_DELETE, func() {
			fake.Remove(jobs, "KEY")
			require.NoError(t, fake.Writer().DeleteFolder(t.Context(), devDir, "jobs"))
			look()
			_, err := m.rooms.cache.Folder(t.Context(), jobs, secret.NeedEntry) // as a poll does
			require.ErrorIs(t, err, secret.ErrNotFound)
		}},
	} {
		_, err = unix.InotifyAddWatch(fd, m.Mountpoint(), step.event)
		require.NoError(t, err)
		step.change()
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10_000)
		require.NoError(t, err)
		require.Equal(t, 1, ready, "no event %x", step.event)
		buf := make([]byte, 4096)
		n, err := unix.Read(fd, buf)
		require.NoError(t, err)
		require.Contains(t, string(buf[:n]), "jobs__KEY")
	}
}
