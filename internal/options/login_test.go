package options_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"infisicalfs/internal/config"
	"infisicalfs/internal/options"
)

// An identity says all about who and where; how long to wait is the service's.
func TestLoginAsAnIdentity(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte("fake"), 0o600))
	var server options.Server
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	server.AddFlags(flags)
	require.NoError(t, flags.Parse([]string{"--url=https://own.example.com", "--organization=own", "--timeout=7s", "--token-file=" + file}))
	log := slog.New(slog.DiscardHandler)
	own, err := server.Login(options.Unset, log)
	require.NoError(t, err)
	require.NotNil(t, own.Auth)
	require.Equal(t, "https://own.example.com", own.URL)

	identity := config.Section{Name: "ci", Settings: []config.Setting{
		{Key: "url", Values: []string{"https://ci.example.com"}}, {Key: "client-id", Values: []string{"id"}}, {Key: "client-secret-file", Values: []string{file}},
	}}
	as, err := server.As(identity)
	require.NoError(t, err)
	cfg, err := as.Login(options.Unset, log)
	require.NoError(t, err)
	require.Equal(t, "https://ci.example.com", cfg.URL)
	require.Empty(t, cfg.Organization, "that was the service's own")
	require.Equal(t, 7*time.Second, cfg.Timeout)
	require.NotNil(t, cfg.Auth)

	as, err = server.As(config.Section{Name: "none"})
	require.NoError(t, err)
	_, err = as.Login(options.Unset, log)
	require.ErrorIs(t, err, options.ErrNoCredentials)
}
