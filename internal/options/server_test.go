package options

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// serverFlags parses a command line as mount and doctor do.
func serverFlags(t *testing.T, args ...string) *Server {
	var o Server
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.AddFlags(flags)
	require.NoError(t, flags.Parse(args))
	return &o
}

func TestServerConfig(t *testing.T) {
	cfg, err := serverFlags(t).ClientConfig(variables{}.lookup, nil)
	require.NoError(t, err)
	require.Equal(t, defaultServer, cfg.URL)
	require.Equal(t, 10*time.Second, cfg.Timeout)
	require.Equal(t, 65*time.Second, cfg.RateWait)

	cfg, err = serverFlags(t, "--rate-wait", "0").ClientConfig(variables{}.lookup, nil)
	require.NoError(t, err)
	require.Negative(t, cfg.RateWait, "no wait at all, where the client takes zero for its default")

	for _, args := range [][]string{{"--timeout", "0"}, {"--timeout", "-1s"}, {"--rate-wait", "-1s"}, {"--ca-cert", t.TempDir()}} {
		_, err := serverFlags(t, args...).ClientConfig(variables{}.lookup, nil)
		require.Equal(t, exitcode.Config, exitcode.Of(err), "%q", args)
		require.NotEmpty(t, hintOf(err), "%q", args)
	}
}

// A key without a certificate, and files that are neither, are no configuration.
func TestClientCertificates(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pem")
	require.NoError(t, os.WriteFile(file, []byte("nothing"), 0o600))
	for _, args := range [][]string{{"--client-key", file}, {"--client-cert", file}, {"--client-cert", file, "--client-key", file}, {"--client-cert", file + ".missing"}} {
		_, err := serverFlags(t, args...).ClientConfig(variables{}.lookup, nil)
		require.Equal(t, exitcode.Config, exitcode.Of(err), "%q", args)
		require.NotEmpty(t, hintOf(err), "%q", args)
	}
	o := serverFlags(t, "--client-cert", file)
	require.Equal(t, file, o.keyFile(), "it may have the key as well")
	require.Equal(t, []string{file}, o.Paths())
}

// The flag, then the CLI's variable, then those of the SDKs.
// What comes out of a file or of YAML has a line end behind it.
func TestVariablesOfTheToolsAreTrimmed(t *testing.T) {
	env := variables{
		"INFISICAL_API_URL": "https://infisical.example.com\n", "INFISICAL_ORGANIZATION_ID": " org\n",
		"INFISICAL_PROJECT_ID": "demo\r\n", "INFISICAL_ENVIRONMENT": "dev\n", "INFISICAL_SECRET_PATH": "/payments\n",
	}
	o := Server{timeout: time.Second, maxSecrets: 1}
	cfg, err := o.ClientConfig(env.lookup, nil)
	require.NoError(t, err)
	require.Equal(t, "https://infisical.example.com", cfg.URL)
	require.Equal(t, "org", cfg.Organization)
	var scope Scope
	require.NoError(t, scope.Complete(env.lookup, cfg.URL))
	require.Equal(t, secret.Dir{Project: "demo", Env: "dev", Path: "/payments"}, scope.Dir())
}

func TestServerAddress(t *testing.T) {
	all := variables{"INFISICAL_DOMAIN": "a.invalid", "INFISICAL_API_URL": "b.invalid", "INFISICAL_URL": "c.invalid"}
	for _, c := range []struct {
		args  []string
		unset []string
		want  string
	}{
		{[]string{"--url", "flag.invalid"}, nil, "flag.invalid"},
		{nil, nil, "a.invalid"},
		{nil, []string{"INFISICAL_DOMAIN"}, "b.invalid"},
		{nil, []string{"INFISICAL_DOMAIN", "INFISICAL_API_URL"}, "c.invalid"},
	} {
		env := variables{}
		for name, value := range all {
			env[name] = value
		}
		for _, name := range c.unset {
			env[name] = ""
		}
		cfg, err := serverFlags(t, c.args...).ClientConfig(env.lookup, nil)
		require.NoError(t, err)
		require.Equal(t, c.want, cfg.URL)
	}
}
