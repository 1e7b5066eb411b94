//go:build linux

package mounttable

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// needMounts returns a directory to mount in, and skips where nobody may.
func needMounts(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, ""); err != nil {
		if os.Getenv("REQUIRE_FUSE") != "" {
			t.Fatalf("REQUIRE_FUSE is set, and this process may not mount: %v", err)
		}
		t.Skip(err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	require.NoError(t, unix.Mount("", dir, "", unix.MS_PRIVATE, ""))
	return dir
}

// ours mounts what looks like a mount of ours and is answered by nobody, and returns the
// number of its connection.
func ours(t *testing.T, point string) int {
	t.Helper()
	device, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(device) })
	require.NoError(t, os.MkdirAll(filepath.Dir(point), 0o755))
	if err := os.Mkdir(point, 0o755); !errors.Is(err, os.ErrExist) { // which asks nobody
		require.NoError(t, err)
	}
	require.NoError(t, unix.Mount("demo", point, FSType, 0, "fd="+itoa(device)+",rootmode=40000,user_id=0,group_id=0"))
	var st unix.Statx_t
	require.NoError(t, unix.Statx(unix.AT_FDCWD, point, unix.AT_STATX_DONT_SYNC, 0, &st))
	return int(st.Dev_minor)
}

// What one path leads through is what the whole table says of that.
func TestLeading(t *testing.T) {
	dir := needMounts(t)
	point := filepath.Join(dir, "with space", "p")
	one, two := ours(t, point), ours(t, point)
	require.NotEqual(t, one, two)
	shared, part := filepath.Join(dir, "shared"), filepath.Join(dir, "part")
	for _, d := range []string{shared, part} {
		require.NoError(t, os.Mkdir(d, 0o755))
		require.NoError(t, unix.Mount(filepath.Join(dir, "with space"), d, "", unix.MS_BIND, ""))
	}
	require.NoError(t, unix.Mount("", shared, "", unix.MS_SHARED, ""))
	require.NoError(t, unix.Mount("", part, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))

	whole, err := Read()
	require.NoError(t, err)
	for _, path := range []string{point, shared, part, dir, "/proc", "/"} {
		some, err := leading(path)
		if err != nil {
			t.Logf("this kernel does not tell: %v", err) // and then Leading reads all
			some, err = Leading(path)
			require.NoError(t, err)
		}
		for m, other := some.At(path), whole.At(path); other != nil; m, other = some.Parent(m), whole.Parent(other) {
			require.NotNil(t, m, "%s: %s", path, other.Mountpoint)
			require.Equal(t, known(other), known(m), path)
			require.Equal(t, Shared(other), Shared(m), "%s: %s", path, other.Mountpoint)
			require.Equal(t, readOnly(other), readOnly(m), "%s: %s", path, other.Mountpoint)
			if m.Mountpoint == "/" {
				break
			}
		}
	}
	some, err := Leading(point)
	require.NoError(t, err)
	require.True(t, some.Has(point, one) && some.Has(point, two))
	require.True(t, Ours(some.Below(some.At(point))))
	some, err = Leading(filepath.Join(dir, "with space"))
	require.NoError(t, err)
	require.Nil(t, some.At(filepath.Join(dir, "with space")))
	require.Nil(t, some.At(point))
	_, err = Leading(filepath.Join(dir, "none"))
	require.NoError(t, err, "then it is the whole table")
}

// known is what both ways tell of a mount.
func known(m *mountinfo.Info) mountinfo.Info {
	return mountinfo.Info{ID: m.ID, Parent: m.Parent, Major: m.Major, Minor: m.Minor, Root: m.Root, Mountpoint: m.Mountpoint, FSType: m.FSType}
}
