//go:build linux

package mount

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/attach"
	"infisicalfs/internal/mounttable"
)

// roads are the ways in which a mountpoint and its surroundings may hand on
// what is mounted there; each needs another treatment of a dead mount.
var roads = map[string]struct{ around, point uintptr }{
	"private":           {unix.MS_PRIVATE, unix.MS_PRIVATE},
	"shared":            {unix.MS_SHARED, unix.MS_SHARED},
	"point shared":      {unix.MS_PRIVATE, unix.MS_SHARED},
	"point not shared":  {unix.MS_SHARED, unix.MS_PRIVATE},
	"slaves of another": {unix.MS_SLAVE, unix.MS_SLAVE},
}

// surroundings returns an empty directory in a file system of its own.
func surroundings(t *testing.T, propagation uintptr) string {
	t.Helper()
	needFUSE(t)
	dir := directory(t)
	require.NoError(t, unix.Mount("none", dir, "tmpfs", 0, "size=64k"))
	if propagation == unix.MS_SLAVE {
		require.NoError(t, unix.Mount("", dir, "", unix.MS_SHARED, ""))
		other := directory(t)
		require.NoError(t, unix.Mount(dir, other, "", unix.MS_BIND, ""))
		require.NoError(t, unix.Mount("", dir, "", unix.MS_SLAVE, ""))
	} else {
		require.NoError(t, unix.Mount("", dir, "", propagation, ""))
	}
	point := filepath.Join(dir, "point")
	require.NoError(t, os.Mkdir(point, 0o700))
	t.Cleanup(func() {
		for unix.Unmount(point, unix.MNT_DETACH|unix.MNT_FORCE) == nil {
		}
	})
	return point
}

// killed leaves a dead mount on point.
func killed(t *testing.T, point string) {
	t.Helper()
	dead := served(t, point)
	require.NoError(t, dead.Process.Kill())
	dead.Wait()
	require.ErrorIs(t, attach.Probe(t.Context(), point), syscall.ENOTCONN)
}

// depth is how many mounts of ours are on point.
func depth(t testing.TB, point string) (n int) {
	t.Helper()
	mounts, err := mounttable.Read()
	require.NoError(t, err)
	for _, m := range mounts {
		if m.Mountpoint == point && mounttable.Ours(m) {
			n++
		}
	}
	return n
}

func TestRestartsDoNotStack(t *testing.T) {
	for name, road := range roads {
		t.Run(name, func(t *testing.T) {
			point := surroundings(t, road.around)
			for range 10 {
				killed(t, point)
				require.Equal(t, 1, depth(t, point))
				require.NoError(t, unix.Mount("", point, "", road.point, ""))
			}
			m := mounted(t, config(point, sample()))
			require.Equal(t, 1, depth(t, point))
			require.NoError(t, attach.Getattr(point, m.device))
			require.NoError(t, m.Close())
			requireFree(t, point)
		})
	}
}

// Programs take "does not exist" for an answer and delete what they made of a
// secret. Between a crash and the next start they must not get it.
func TestARestartShowsNoEmptyDirectory(t *testing.T) {
	for name, road := range roads {
		t.Run(name, func(t *testing.T) {
			point := surroundings(t, road.around)
			killed(t, point)
			require.NoError(t, unix.Mount("", point, "", road.point, ""))
			// Unknown flags are refused before anything else is looked at.
			old := road.around != unix.MS_SHARED && errors.Is(unix.MoveMount(-1, "", -1, "", attach.MoveMountBeneath), unix.EINVAL)

			ctx, stop := context.WithCancel(t.Context())
			looked := make(chan error)
			go func() {
				for ctx.Err() == nil {
					_, err := os.Stat(filepath.Join(point, "GREETING"))
					if err != nil && !errors.Is(err, syscall.ENOTCONN) && !errors.Is(err, syscall.ECONNABORTED) && !(old && errors.Is(err, syscall.ENOENT)) {
						looked <- err
						return
					}
				}
				looked <- nil
			}()
			m := mounted(t, config(point, sample()))
			stop()
			require.NoError(t, <-looked)
			require.NoError(t, m.Close())
		})
	}
}

// A bind mount of the mountpoint, as a container has it, is given the new mount
// whichever life of the server it was made in.
func TestBindMountsGetTheNewMount(t *testing.T) {
	for _, name := range []string{"shared", "point shared"} {
		t.Run(name, func(t *testing.T) {
			point := surroundings(t, roads[name].around)
			var binds []string
			for range 3 {
				dead := served(t, point)
				require.NoError(t, unix.Mount("", point, "", roads[name].point, ""))
				bind := surroundings(t, unix.MS_PRIVATE)
				require.NoError(t, unix.Mount(point, bind, "", unix.MS_BIND, ""))
				require.NoError(t, unix.Mount("", bind, "", unix.MS_SLAVE, ""))
				binds = append(binds, bind)
				for _, bind := range binds {
					got, err := os.ReadFile(filepath.Join(bind, "GREETING"))
					require.NoError(t, err)
					require.Equal(t, "hello, world", string(got))
				}
				require.NoError(t, dead.Process.Kill())
				dead.Wait()
				for _, bind := range binds {
					require.ErrorIs(t, attach.Probe(t.Context(), bind), syscall.ENOTCONN)
				}
			}
		})
	}
}

func TestSimultaneousMountsOverAStaleOne(t *testing.T) {
	for name, road := range roads {
		t.Run(name, func(t *testing.T) {
			point := surroundings(t, road.around)
			killed(t, point)
			type end struct {
				m   *Mount
				err error
			}
			ends := make(chan end)
			for range 6 {
				go func() {
					m, err := New(t.Context(), config(point, sample()))
					ends <- end{m, err}
				}()
			}
			var won []*Mount
			var lost []error
			for range 6 {
				if e := <-ends; e.err == nil {
					won = append(won, e.m)
				} else {
					lost = append(lost, e.err)
				}
			}
			require.Len(t, won, 1, "%q", lost)
			require.Equal(t, 1, depth(t, point))
			require.NoError(t, won[0].Close())
			requireFree(t, point)
		})
	}
}

// What a start leaves that is killed half-way is two dead mounts.
func TestDeadMountsOnOneAnotherAreHealed(t *testing.T) {
	point := surroundings(t, unix.MS_SHARED)
	var devices []int
	for range 3 {
		fd, err := attach.Mount(t.Context(), point, mounttable.SourceName, false, PropagateRO)
		require.NoError(t, err)
		devices = append(devices, fd)
	}
	for _, fd := range devices {
		unix.Close(fd)
	}
	require.Equal(t, 3, depth(t, point))
	m := mounted(t, config(point, sample()))
	require.Equal(t, 1, depth(t, point))
	require.NoError(t, m.Close())
	requireFree(t, point)
}
