package fs

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

type controls struct {
	status, refreshed atomic.Int32
	broken            atomic.Bool
}

func (c *controls) config(cfg *Config) {
	cfg.OwnerUID, cfg.OwnerGID, cfg.FileMode, cfg.DirMode = somebody(77), 88, 0o666, 0o777
	cfg.Status = func() ([]byte, error) {
		if c.broken.Load() {
			return nil, errors.New("no status today")
		}
		return fmt.Appendf(nil, `{"n":%d}`, c.status.Load()), nil
	}
	cfg.Refresh = func() error {
		if c.broken.Load() {
			return secret.ErrUnavailable
		}
		c.refreshed.Add(1)
		return nil
	}
}

func TestControlFiles(t *testing.T) {
	var c controls
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		names, err := fusetest.Names(v, "")
		require.NoError(t, err)
		require.NotContains(t, names, ".infisicalfs")
		names, err = fusetest.Names(v, ".infisicalfs")
		require.NoError(t, err)
		require.Equal(t, []string{"refresh", "status"}, names)
		calls := w.Calls().All()

		for path, mode := range map[string]uint32{
			".infisicalfs": syscall.S_IFDIR | 0o500, ".infisicalfs/status": syscall.S_IFREG | 0o400, ".infisicalfs/refresh": syscall.S_IFREG | 0o200,
		} {
			a, err := v.Stat(path)
			require.NoError(t, err)
			require.Equal(t, mode, a.Mode, path)
			require.Equal(t, somebody(77), a.UID, path)
			require.EqualValues(t, 88, a.GID, path)
			require.NotZero(t, a.Nlink, path)
			require.True(t, a.Mtime.Equal(started), path)
		}
		_, err = v.Stat(".infisicalfs/other")
		require.Equal(t, syscall.ENOENT, err)
		require.Equal(t, calls, w.Calls().All(), "none of it asks the server")
	}, c.config)
}

func TestStatusIsFrozenAtOpen(t *testing.T) {
	var c controls
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		c.status.Store(1)
		f, err := v.Open(".infisicalfs/status", syscall.O_RDONLY)
		require.NoError(t, err)
		c.status.Store(1234567)
		text, err := fusetest.ReadAll(f)
		require.NoError(t, err)
		require.Equal(t, `{"n":1}`, text)
		require.NoError(t, f.Close())
		text, err = fusetest.ReadFile(v, ".infisicalfs/status")
		require.NoError(t, err)
		require.Equal(t, `{"n":1234567}`, text)
		a, err := v.Stat(".infisicalfs/status")
		require.NoError(t, err)
		require.EqualValues(t, len(text), a.Size)
		_, err = v.Open(".infisicalfs/status", syscall.O_WRONLY)
		require.Contains(t, refusals(), err)
		require.Contains(t, refusals(), v.Truncate(".infisicalfs/status", 0))
	}, c.config)
}

// refusals are the errors of a change where the mode forbids it as well: whom
// modes do not bind gets past the kernel to the file system.
func refusals() []error {
	if os.Geteuid() == 0 {
		return []error{syscall.EROFS}
	}
	return []error{syscall.EROFS, syscall.EACCES}
}

func TestRefresh(t *testing.T) {
	var c controls
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		c.refreshed.Store(0)
		for i, flags := range []int{syscall.O_WRONLY, syscall.O_WRONLY | syscall.O_TRUNC, syscall.O_WRONLY | syscall.O_APPEND} {
			f, err := v.Open(".infisicalfs/refresh", flags)
			require.NoError(t, err)
			n, err := f.WriteAt([]byte("\n"), 0)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.NoError(t, f.Close())
			require.EqualValues(t, i+1, c.refreshed.Load())
		}
		require.NoError(t, v.Truncate(".infisicalfs/refresh", 0))
		require.NoError(t, v.Utimes(".infisicalfs/refresh", time.Now()))
		require.Equal(t, syscall.EPERM, v.Chmod(".infisicalfs/refresh", 0o777))
		require.Equal(t, syscall.EPERM, v.Chown(".infisicalfs/refresh", 1, 1))
		require.EqualValues(t, 3, c.refreshed.Load())
		if os.Geteuid() == 0 { // nobody else may read it
			text, err := fusetest.ReadFile(v, ".infisicalfs/refresh")
			require.NoError(t, err)
			require.Empty(t, text)
		}
	}, c.config)
}

func TestControlFailures(t *testing.T) {
	var c controls
	c.broken.Store(true)
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		_, err := v.Open(".infisicalfs/status", syscall.O_RDONLY)
		require.Equal(t, syscall.EIO, err)
		_, err = v.Stat(".infisicalfs/status")
		require.NoError(t, err)
		f, err := v.Open(".infisicalfs/refresh", syscall.O_WRONLY)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("\n"), 0)
		require.Equal(t, syscall.EIO, err)
		require.NoError(t, f.Close())
	}, c.config)
}

func TestControlShadowsAProject(t *testing.T) {
	var c controls
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		w.Mkdir(secret.Dir{Project: ".infisicalfs"}.Child("dev"))
		w.Mkdir(secret.Dir{Project: "zoo"})
		names, err := fusetest.Names(v, "")
		require.NoError(t, err)
		require.Equal(t, []string{"demo", "zoo"}, names)
		_, err = v.Stat(".infisicalfs/status")
		require.NoError(t, err)
		_, err = v.Stat(".infisicalfs/dev")
		require.Equal(t, syscall.ENOENT, err)
	}, c.config)
}

func TestControlsCanBeMissing(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		names, err := fusetest.Names(v, ".infisicalfs")
		require.NoError(t, err)
		require.Empty(t, names)
		_, err = v.Stat(".infisicalfs/status")
		require.Equal(t, syscall.ENOENT, err)
	})
}
