//go:build linux

package mount

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNotes(t *testing.T) {
	needFUSE(t)
	for name, c := range map[string]struct {
		change func(*Config)
		want   string // empty: none
	}{
		"nothing":                         {func(*Config) {}, ""},
		"an include that matches nothing": {func(c *Config) { c.Layout.Include = []string{"no_such_*"} }, "nothing is shown: --include matches no name"},
		"an include that matches":         {func(c *Config) { c.Layout.Include = []string{"GREETING"} }, ""},
		"others, and no modes for them":   {func(c *Config) { c.AllowOther, c.FS.DirMode = true, 0o700 }, "directories have 0700: add for example --dir-mode=0555"},
		"others, and the default mode":    {func(c *Config) { c.AllowOther = true }, "directories have 0500: add for example --dir-mode=0555"},
		"others, and modes for them":      {func(c *Config) { c.AllowOther, c.FS.DirMode = true, 0o755 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(directory(t), sample())
			cfg.Root = devDir
			c.change(&cfg)
			m, err := New(t.Context(), cfg)
			require.NoError(t, err)
			defer m.Close()
			if c.want == "" {
				require.Empty(t, m.Notes())
				return
			}
			require.Len(t, m.Notes(), 1)
			require.Contains(t, m.Notes()[0], c.want)
		})
	}
}
