package transport

import (
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

func TestBaseURL(t *testing.T) {
	for raw, want := range map[string]string{
		"https://app.infisical.com":         "https://app.infisical.com/api",
		"https://app.infisical.com/":        "https://app.infisical.com/api",
		"https://app.infisical.com/api":     "https://app.infisical.com/api",
		"https://app.infisical.com/api/":    "https://app.infisical.com/api",
		"secrets.example.com":               "https://secrets.example.com/api",
		"https://example.com/infisical/api": "https://example.com/infisical/api",
		"http://127.0.0.1:8080":             "http://127.0.0.1:8080/api",
		"http://localhost:8080":             "http://localhost:8080/api",
		"http://[::1]:8080":                 "http://[::1]:8080/api",
	} {
		u, err := baseURL(raw, false)
		require.NoError(t, err, raw)
		require.Equal(t, want, u.String())
	}
	for _, raw := range []string{"", "ftp://example.com", "http://example.com", "http://10.0.0.1", "https://", "https://user:fake-password@example.com", "https://user:fake password@example.com:x", "https://:443", "https://example.com/?", "https://example.com/?a=b", "://", "http://localhost.example.com"} {
		_, err := baseURL(raw, false)
		require.ErrorIs(t, err, secret.ErrInvalid, raw)
		require.NotContains(t, err.Error(), "fake")
	}
	_, err := baseURL("http://example.com", true)
	require.NoError(t, err)
}
