package options_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/duration"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mount"
	"infisicalfs/internal/options"
	"infisicalfs/internal/view"
	"infisicalfs/secret"
)

func TestVolumeWordsBecomeAMount(t *testing.T) {
	v, err := options.ParseVolume(map[string]string{
		"project": "shop", "env": "prod", "path": "payments/", "uid": "1000", "mode": "0440", "ttl": "10s", "max-stale": "0", "identity": "ci", "include": "*_KEY\n*_URL",
		"layout": "flat", "view": ".env,.secrets.json", "notify": "attrib", "env-dialect": "expand", "list-views": ".secrets.json,.env,.env",
	}, time.Minute, time.Hour)
	require.NoError(t, err)
	require.Equal(t, "ci", v.Identity)
	root := secret.Dir{Project: "shop", Env: "prod", Path: "/payments"}
	require.Equal(t, root, v.Dir())
	cfg, err := v.MountConfig("/mnt", new(client.Client), root)
	require.NoError(t, err)
	require.True(t, cfg.ReadOnly && cfg.AllowOther && cfg.FS.NoControl)
	require.EqualValues(t, 0o440, cfg.FS.FileMode)
	require.EqualValues(t, 0o555, cfg.FS.DirMode)
	require.EqualValues(t, 1000, cfg.FS.UID)
	require.Equal(t, 10*time.Second, cfg.Cache.TTL)
	require.Equal(t, duration.None, cfg.Cache.MaxStale)
	require.Equal(t, []string{"*_KEY", "*_URL"}, cfg.Layout.Include)
	require.Equal(t, []string{".env", ".secrets.json"}, cfg.Views)
	require.Equal(t, view.EnvExpand, cfg.EnvDialect)
	require.Equal(t, []string{".env", ".secrets.json"}, cfg.ListedViews)

	_, err = options.ParseVolume(map[string]string{"project": "shop", "view": ".env", "list-views": ".env.sh"}, time.Minute, time.Hour)
	require.ErrorContains(t, err, `there is no view ".env.sh" to list`)

	v, err = options.ParseVolume(map[string]string{"project": "shop", "write": "true", "view": "off"}, time.Minute, time.Hour)
	require.NoError(t, err)
	require.True(t, v.Write)
	cfg, err = v.MountConfig("/mnt", new(client.Client), v.Dir())
	require.NoError(t, err)
	require.False(t, cfg.ReadOnly)
	require.Equal(t, mount.PropagateRW, cfg.Propagate, "a container that is to write is given a mount that can be written")
	require.EqualValues(t, 0o644, cfg.FS.FileMode)
	require.NotNil(t, cfg.Views)
	require.Empty(t, cfg.Views)
	require.Equal(t, time.Minute, cfg.Cache.TTL)
}

// Times of a volume may be shorter than the service's and not longer, but for volumes that
// were made when they could be.
func TestVolumesAreMoreCarefulAtMost(t *testing.T) {
	words := map[string]string{"project": "shop", "ttl": "2m", "max-stale": "5m"}
	_, err := options.ParseVolume(words, time.Minute, time.Hour)
	require.ErrorContains(t, err, "ttl")
	require.Equal(t, exitcode.Config, exitcode.Of(err))
	v, err := options.ParseVolume(options.TightenVolume(words, time.Minute, time.Hour), time.Minute, time.Hour)
	require.NoError(t, err)
	cfg, err := v.MountConfig("/mnt", new(client.Client), v.Dir())
	require.NoError(t, err)
	require.Equal(t, time.Minute, cfg.Cache.TTL)
	require.Equal(t, 5*time.Minute, cfg.Cache.MaxStale)
	require.Equal(t, "2m", words["ttl"], "they are the caller's")
}
