package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/credential"
	"infisicalfs/internal/options"
)

// Whatever a method takes from a variable and is secret is hidden, and so is what the
// clouds' own tools take from theirs.
func TestWhichVariablesAreHidden(t *testing.T) {
	names := append(new(credential.Flags).SecretVariables(os.LookupEnv), options.HeadersVariable,
		"AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
		"ALIBABA_CLOUD_ACCESS_KEY_SECRET", "IDENTITY_HEADER", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
	require.Greater(t, len(names), 15)
	for _, name := range names {
		require.True(t, isSecretVariable(name, "x"), name)
	}
	require.True(t, isSecretVariable("ID_OF_CI", "eyJhbGciOi"))
	for _, name := range []string{"HOME", "PATH", "LS_COLORS", "INFISICAL_API_URL", "LANG"} {
		require.False(t, isSecretVariable(name, "x"), name)
	}
}
