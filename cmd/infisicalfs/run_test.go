package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/credential"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/options"
	"infisicalfs/secret"
)

func TestEveryVariable(t *testing.T) {
	longest := strings.Repeat("x", 128<<10-1-len("A="))
	for name, c := range map[string]struct {
		secrets []secret.Secret
		want    []string
		failure string
	}{
		"none":           {nil, nil, ""},
		"as they are":    {[]secret.Secret{{Name: "A", Value: secret.NewValue(" a=b\n'\"$x\\")}, {Name: "_b2"}}, []string{"A= a=b\n'\"$x\\", "_b2="}, ""},
		"longest":        {[]secret.Secret{{Name: "A", Value: secret.NewValue(longest)}}, []string{"A=" + longest}, ""},
		"too long":       {[]secret.Secret{{Name: "A", Value: secret.NewValue(longest + "x")}}, nil, "the value of A is longer"},
		"a NUL":          {[]secret.Secret{{Name: "A", Value: secret.NewValue("fake\x00fake")}}, nil, "the value of A has a NUL"},
		"a digit":        {[]secret.Secret{{Name: "2A"}}, nil, `"2A" has no name`},
		"a newline":      {[]secret.Secret{{Name: "A\n"}}, nil, `"A\n" has no name`},
		"an equals sign": {[]secret.Secret{{Name: "A=B"}}, nil, `"A=B" has no name`},
		"no name":        {[]secret.Secret{{}}, nil, `"" has no name`},
		"hidden":         {[]secret.Secret{{Name: "A", Hidden: true, Reason: "no right"}}, nil, "the value of A may not be read: no right"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := everyVariable(&secret.Folder{Secrets: c.secrets})
			require.Equal(t, c.want, got)
			if c.failure == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.failure)
			require.NotContains(t, err.Error(), "fake")
			require.NotEmpty(t, hintFor(err))
		})
	}
}

func TestEnvironmentWith(t *testing.T) {
	env := []string{
		"PATH=/bin", "A=old", "INFISICALFS_DIR=/outer", "INFISICAL_API_URL=u", "INFISICAL_CLIENT_ID=id",
		"INFISICAL_TOKEN=fake", "INFISICAL_ACCESS_TOKEN=fake", "INFISICAL_UNIVERSAL_AUTH_ACCESS_TOKEN=fake",
		"INFISICAL_CLIENT_SECRET=fake", "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=fake",
	}
	credentials := new(credential.Flags).SecretVariables(options.Unset)
	require.Equal(t, []string{"PATH=/bin", "INFISICAL_API_URL=u", "INFISICAL_CLIENT_ID=id", "A=new"},
		environmentWith(env, []string{"A=new", "INFISICALFS_DIR=elsewhere"}, credentials))
	require.Equal(t, []string{"PATH=/bin", "A=old", "INFISICAL_API_URL=u", "INFISICAL_CLIENT_ID=id", "INFISICAL_TOKEN=wanted"},
		environmentWith(env, []string{"INFISICAL_TOKEN=wanted"}, credentials))
	require.Len(t, environmentWith(env, nil, nil), len(env)-1)
}

func TestRunCode(t *testing.T) {
	for code, want := range map[int]int{exitcode.Other: 125, exitcode.Usage: 125, exitcode.FUSE: 125, 126: 126, 127: 127} {
		require.Equal(t, want, runCode(code))
	}
}
