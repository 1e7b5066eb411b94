package options

import (
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/mount"
)

func TestWhatBecomesOfNewFiles(t *testing.T) {
	parse := func(args ...string) (cfg mount.Config, err error) {
		var o Change
		flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
		o.AddFlags(flags)
		require.NoError(t, flags.Parse(args))
		if err = o.ApplyToClient(&client.Config{}); err == nil {
			o.Apply(&cfg, nil)
		}
		return cfg, err
	}
	cfg, err := parse()
	require.NoError(t, err)
	require.Equal(t, 30*time.Second, cfg.FS.ScratchFor)
	require.False(t, cfg.FS.Dotfiles)
	cfg, err = parse("--scratch-for=5m", "--dotfiles=secret")
	require.NoError(t, err)
	require.Equal(t, 5*time.Minute, cfg.FS.ScratchFor)
	require.True(t, cfg.FS.Dotfiles)
	for _, wrong := range []string{"--scratch-for=0s", "--scratch-for=-1s", "--dotfiles=all", "--dotfiles=", "--write-wait=0s"} {
		_, err := parse(wrong)
		require.Error(t, err, wrong)
	}
}
