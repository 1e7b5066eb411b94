package options

import (
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"infisicalfs/internal/mount"
)

// What can be repeated is repeated by lines in a variable; flags win over it.
func TestListsInVariables(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"payments", "**/*_KEY"}},
		{[]string{"--exclude=a,b", "--exclude=c"}, []string{"a,b", "c"}},
	} {
		var o Layout
		flags := pflag.NewFlagSet("mount", pflag.ContinueOnError)
		o.AddFlags(flags)
		require.NoError(t, flags.Parse(tc.args))
		require.NoError(t, BindEnvironment(flags, func(name string) (string, bool) {
			return map[string]string{"INFISICALFS_EXCLUDE": "payments\n**/*_KEY\n"}[name], true
		}))
		var cfg mount.Config
		o.Apply(&cfg)
		require.Equal(t, tc.want, cfg.Layout.Exclude)
		require.Empty(t, cfg.Layout.Include)
	}
}
