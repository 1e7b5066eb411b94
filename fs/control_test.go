package fs

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

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

// refusals are the errors of a change where the mode forbids it as well: whom
// modes do not bind gets past the kernel to the file system.
func refusals() []error {
	if os.Geteuid() == 0 {
		return []error{syscall.EROFS}
	}
	return []error{syscall.EROFS, syscall.EACCES}
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
