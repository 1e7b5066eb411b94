package controldir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/readonly"
	"infisicalfs/fs/internal/unsent"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// root is a directory that has .infisicalfs and nothing else.
type root struct {
	readonly.Node
	readonly.Dir
	cfg *Config
}

func (r *root) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if name != Name {
		return nil, syscall.ENOENT
	}
	return r.cfg.Child(ctx, r.EmbeddedInode(), out), 0
}

var started = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

// bothWays runs test on a new directory, without a mount and with one.
func bothWays(t *testing.T, test func(*testing.T, fusetest.View), change ...func(*Config)) {
	fusetest.Run(t, func(testing.TB) (fusefs.InodeEmbedder, *fusefs.Options) {
		cfg := &Config{
			OwnerUID: uint32(os.Getuid()), OwnerGID: uint32(os.Getgid()), Date: started,
			ID: func(mode uint32, path string) fusefs.StableAttr {
				ino := uint64(2)
				for _, b := range []byte(path) {
					ino = ino*251 + uint64(b)
				}
				return fusefs.StableAttr{Mode: mode, Ino: ino, Gen: 1}
			},
			Failed: func(string, string, error) syscall.Errno { return syscall.EIO },
		}
		for _, c := range change {
			c(cfg)
		}
		return &root{cfg: cfg}, &fusefs.Options{NullPermissions: true}
	}, test)
}

// controls are a status that changes, and a refresh that counts.
type controls struct {
	status, refreshed atomic.Int32
	broken            atomic.Bool
}

func (c *controls) config(cfg *Config) {
	cfg.Status = func() ([]byte, error) {
		if c.broken.Load() {
			return nil, errors.New("no status today")
		}
		return fmt.Appendf(nil, `{"n":%d}`, c.status.Load()), nil
	}
	cfg.Refresh = func() error {
		if c.broken.Load() {
			return errors.New("no refresh today")
		}
		c.refreshed.Add(1)
		return nil
	}
}

// refusals are the errors of a change where the mode forbids it as well: whom
// modes do not bind gets past the kernel to the file system.
func refusals() []error {
	if os.Geteuid() == 0 {
		return []error{syscall.EROFS}
	}
	return []error{syscall.EROFS, syscall.EACCES}
}

func TestStatusIsFrozenAtOpen(t *testing.T) {
	var c controls
	bothWays(t, func(t *testing.T, v fusetest.View) {
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

func TestRefresh(t *testing.T) {
	var c controls
	bothWays(t, func(t *testing.T, v fusetest.View) {
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
	bothWays(t, func(t *testing.T, v fusetest.View) {
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

func TestControlsCanBeMissing(t *testing.T) {
	bothWays(t, func(t *testing.T, v fusetest.View) {
		names, err := fusetest.Names(v, ".infisicalfs")
		require.NoError(t, err)
		require.Empty(t, names)
		_, err = v.Stat(".infisicalfs/status")
		require.Equal(t, syscall.ENOENT, err)
	})
}

// A text belongs to who wrote it, is dated when it was kept, and can be removed and
// not changed.
func TestRejectedTexts(t *testing.T) {
	dev := secret.Dir{Project: "demo"}.Child("dev")
	var store *unsent.Store
	bothWays(t, func(t *testing.T, v fusetest.View) {
		store.Keep(unsent.Text{Dir: dev, Key: "KEY", Value: secret.NewValue("typed"), UID: 77, At: started.Add(time.Hour), Only: true})
		store.Keep(unsent.Text{Dir: dev, Key: "KEY", Value: secret.NewValue("old"), UID: 88, At: started})
		names, err := fusetest.Names(v, ".infisicalfs")
		require.NoError(t, err)
		require.Equal(t, []string{"rejected"}, names)
		names, err = fusetest.Names(v, ".infisicalfs/rejected")
		require.NoError(t, err)
		require.Equal(t, []string{"KEY.1", "KEY.2"}, names)

		a, err := v.Stat(".infisicalfs/rejected/KEY.1")
		require.NoError(t, err)
		require.EqualValues(t, syscall.S_IFREG|0o400, a.Mode)
		require.EqualValues(t, 77, a.UID)
		require.EqualValues(t, 5, a.Size)
		require.True(t, a.Mtime.Equal(started.Add(time.Hour)))
		_, err = v.Open(".infisicalfs/rejected/KEY.1", syscall.O_WRONLY)
		require.Contains(t, refusals(), err)
		if os.Geteuid() == 0 {
			text, err := fusetest.ReadFile(v, ".infisicalfs/rejected/KEY.1")
			require.NoError(t, err)
			require.Equal(t, "typed", text)
		}
		require.Equal(t, syscall.EROFS, v.Create(".infisicalfs/rejected/NEW"))
		require.NoError(t, v.Unlink(".infisicalfs/rejected/KEY.1"))
		require.Equal(t, syscall.ENOENT, v.Unlink(".infisicalfs/rejected/KEY.1"))
		_, err = v.Stat(".infisicalfs/rejected/KEY.1")
		require.Equal(t, syscall.ENOENT, err)
		_, err = v.Stat(".infisicalfs/rejected/KEY.2")
		require.NoError(t, err)
	}, func(cfg *Config) {
		store = unsent.New(func(key string, n uint64) string { return fmt.Sprintf("%s.%d", key, n) })
		cfg.Rejected = store
	})
}

// Where the kernel opens files by itself, a status would be the first one for ever.
func TestStatusNeedsAnOpen(t *testing.T) {
	var c controls
	bothWays(t, func(t *testing.T, v fusetest.View) {
		f, err := v.Open(".infisicalfs/status", syscall.O_RDONLY)
		if err == nil {
			_, err = fusetest.ReadAll(f)
			require.NoError(t, f.Close())
		}
		require.Contains(t, []error{syscall.ENOSYS, syscall.ENOTSUP}, err)
	}, c.config, func(cfg *Config) { cfg.NoOpens = true })
}
