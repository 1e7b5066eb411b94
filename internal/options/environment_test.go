package options

import (
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"infisicalfs/internal/exitcode"
)

func TestBindEnvironment(t *testing.T) {
	newFlags := func() (*pflag.FlagSet, *time.Duration, *bool) {
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		return flags, flags.Duration("max-stale", time.Minute, ""), flags.Bool("debug", false, "")
	}
	t.Run("sets", func(t *testing.T) {
		flags, stale, debug := newFlags()
		require.NoError(t, BindEnvironment(flags, variables{"INFISICALFS_MAX_STALE": "5s", "INFISICALFS_DEBUG": "true"}.lookup))
		require.Equal(t, 5*time.Second, *stale)
		require.True(t, *debug)
	})
	t.Run("a flag wins", func(t *testing.T) {
		flags, stale, _ := newFlags()
		require.NoError(t, flags.Parse([]string{"--max-stale=7s"}))
		require.NoError(t, BindEnvironment(flags, variables{"INFISICALFS_MAX_STALE": "5s"}.lookup))
		require.Equal(t, 7*time.Second, *stale)
	})
	t.Run("empty is not set", func(t *testing.T) {
		flags, stale, _ := newFlags()
		require.NoError(t, BindEnvironment(flags, variables{"INFISICALFS_MAX_STALE": ""}.lookup))
		require.Equal(t, time.Minute, *stale)
	})
	t.Run("does not fit", func(t *testing.T) {
		flags, _, _ := newFlags()
		err := BindEnvironment(flags, variables{"INFISICALFS_MAX_STALE": "hunter2"}.lookup)
		require.ErrorContains(t, err, "INFISICALFS_MAX_STALE")
		require.NotContains(t, err.Error(), "hunter2")
		require.Equal(t, exitcode.Config, exitcode.Of(err))
		require.Contains(t, hintOf(err), "--max-stale")
	})
	t.Run("asks for nothing else", func(t *testing.T) {
		flags, _, _ := newFlags()
		flags.Bool("help", false, "")
		flags.Bool("version", false, "")
		err := BindEnvironment(flags, variables{"INFISICALFS_HELP": "x", "INFISICALFS_VERSION": "1.2.3"}.lookup)
		require.NoError(t, err, "images have the version in a variable of that name")
	})
}
