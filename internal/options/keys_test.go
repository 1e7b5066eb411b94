package options

import (
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"infisicalfs/internal/exitcode"
)

// An option that is none, or does not fit, is named, and its value is not repeated.
func TestWordsThatDoNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		words map[string]string
		says  string // empty: they fit
	}{
		"nothing":       {nil, ""},
		"all that fits": {map[string]string{"ttl": "30s", "mode": "0444", "read-only": "true", "include": "tls/*.key"}, ""},
		"no such word":  {map[string]string{"colour": "hunter2"}, `there is no option "colour"`},
		"a credential":  {map[string]string{"client-secret": "hunter2"}, `there is no option "client-secret"`},
		"no duration":   {map[string]string{"ttl": "hunter2"}, "the option ttl: a duration is wanted"},
		"no mode":       {map[string]string{"mode": "hunter2"}, "the option mode: permission bits are wanted"},
		"the first":     {map[string]string{"ttl": "hunter2", "mode": "hunter2", "watch-for": "hunter2"}, "the option mode:"},
	} {
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		new(Server).AddFlags(flags)
		new(Look).AddFlags(flags)
		err := SetWords(flags, c.words)
		if c.says == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.says, name)
		require.NotContains(t, err.Error(), "hunter2")
		require.Equal(t, exitcode.Config, exitcode.Of(err))
		require.NotEmpty(t, hintOf(err))
	}
}
