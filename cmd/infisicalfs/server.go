package main

import (
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/pflag"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
)

// serverOptions say which server to talk to and as whom.
type serverOptions struct {
	url, caCert      string
	insecureHTTP     bool
	organization     string
	clientID         string
	clientSecretFile string
	tokenFile        string
	timeout          time.Duration
	rateWait         time.Duration
}

// AddFlags declares the options' flags.
func (o *serverOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.url, "url", "", "server address (default https://app.infisical.com)")
	f.StringVar(&o.caCert, "ca-cert", "", "`file` with further certificate authorities, PEM")
	f.BoolVar(&o.insecureHTTP, "insecure-http", false, "allow http:// to other hosts than this one")
	f.StringVar(&o.organization, "organization", "", "organisation `id`, for servers that list projects only by it")
	f.StringVar(&o.clientID, "client-id", "", "machine identity's client `id` (universal auth)")
	f.StringVar(&o.clientSecretFile, "client-secret-file", "", "`file` with the client secret; /dev/fd/N reads a descriptor")
	f.StringVar(&o.tokenFile, "token-file", "", "`file` with an access token; read again when the server refuses it")
	f.DurationVar(&o.timeout, "timeout", 10*time.Second, "hard deadline of one operation on the server")
	f.DurationVar(&o.rateWait, "rate-wait", 65*time.Second, "how long to wait when the server's rate limit is reached")
}

// config turns the options into a client's configuration.
func (o *serverOptions) config(lookup func(string) (string, bool), log *slog.Logger) (client.Config, error) {
	cfg := client.Config{
		URL:          firstOf(lookup, o.url, "INFISICAL_DOMAIN", "INFISICAL_API_URL", "INFISICAL_URL"),
		InsecureHTTP: o.insecureHTTP,
		Organization: firstOf(lookup, o.organization, "INFISICAL_ORGANIZATION_ID"),
		Timeout:      o.timeout,
		RateWait:     o.rateWait,
		UserAgent:    "infisicalfs/" + version,
		Log:          log,
	}
	if o.timeout <= 0 || o.rateWait < 0 {
		return cfg, configError("use durations like 10s", "--timeout must be positive and --rate-wait not negative")
	}
	if o.caCert != "" {
		pool, err := client.LoadCertificates(o.caCert)
		if err != nil {
			return cfg, configError("--ca-cert wants a readable file with certificates in PEM form", "%w", err)
		}
		cfg.RootCAs = pool
	}
	found, err := o.credentials(lookup)
	if err != nil {
		return cfg, err
	}
	cfg.Auth = found.auth
	return cfg, nil
}

// newClient makes the client, with the exit code for an address that cannot be.
func newClient(cfg client.Config) (*client.Client, error) {
	c, err := client.New(cfg)
	if err != nil {
		return nil, &failure{err, "--url takes an address like https://infisical.example.com", exitcode.Config}
	}
	return c, nil
}

// firstOf returns value, or the first of the variables that is set.
func firstOf(lookup func(string) (string, bool), value string, names ...string) string {
	for _, name := range names {
		if value != "" {
			break
		}
		value, _ = lookup(name)
	}
	return value
}

// pathError shortens an error about a file to what a person needs.
func pathError(err error) error {
	if short, ok := errors.AsType[*os.PathError](err); ok {
		return short.Err
	}
	return err
}
