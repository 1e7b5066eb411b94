package options

import (
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"infisicalfs/internal/config"
	"infisicalfs/internal/exitcode"
)

// The words of fstab are the flags' names; what is for others is passed over.
func TestWordsOfFstab(t *testing.T) {
	for text, want := range map[string][]string{
		"":                           nil,
		"defaults,_netdev,nofail,rw": nil,
		"ro,ttl=30s":                 {"--read-only", "--ttl=30s"},
		"allow_other,dir_mode=0555":  {"--allow-other", "--dir-mode=0555"},
		"rw,propagate=rw":            {"--propagate=rw"},
		`chmod="KEY=0400,nobody:root",x-systemd.automount`: {"--chmod=KEY=0400,nobody:root"},
		"no-such-word": {"--no-such-word"},
	} {
		got, err := FromFstab([]string{text})
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, says := range map[string]string{"remount,ro": "cannot be changed", `chmod="KEY`: "is not closed"} {
		_, err := FromFstab([]string{text})
		require.ErrorContains(t, err, says)
		require.Equal(t, exitcode.Usage, exitcode.Of(err))
		require.NotEmpty(t, hintOf(err))
	}
}

// A key of the configuration file is checked as its flag is, and a secret where a
// file's name is wanted is not repeated.
func TestKeysAreFlags(t *testing.T) {
	flags := func() *pflag.FlagSet {
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		new(Server).AddFlags(f)
		new(Look).AddFlags(f)
		return f
	}
	keys := Keys(flags)
	require.Contains(t, keys.Identity, "token-file")
	require.NotContains(t, keys.Mount, "token-file")
	require.Contains(t, keys.Mount, "timeout", "how long to wait is no matter of who one is")
	require.Equal(t, config.Key{Path: true}, keys.Mount["mountpoint"])
	require.True(t, keys.Mount["include"].List)
	require.NoError(t, keys.Mount["ttl"].Check("30s"))
	for key, value := range map[string]string{"ttl": "soon", "mode": "0999", "uid": "me", "control": "yes", "read-only": "perhaps"} {
		require.ErrorContains(t, keys.Mount[key].Check(value), "wanted", key)
	}
	for key, wanted := range map[string]string{
		"notify": "full, attrib or off is wanted", "propagate": "ro or rw is wanted",
		"env-dialect": "strict, literal, expand or compose is wanted",
	} {
		require.EqualError(t, keys.Mount[key].Check("hunter2"), wanted, key)
	}
	err := keys.Identity["token-file"].Check("eyJhbGciOi.fake.fake")
	require.ErrorContains(t, err, "looks like the secret itself")
	require.NotContains(t, err.Error(), "fake")
}
