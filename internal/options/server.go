package options

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"infisicalfs/client"
	"infisicalfs/internal/credential"
	"infisicalfs/internal/duration"
	"infisicalfs/internal/exitcode"
)

// defaultServer is the vendor's own.
const defaultServer = "https://app.infisical.com"

// Server says which server to talk to and as whom.
type Server struct {
	url, caCert  string
	headersFile  string
	certificate  string // of the client
	key          string
	insecureHTTP bool
	Organization string
	Who          credential.Flags // as whom
	timeout      time.Duration
	rateWait     time.Duration
	maxSecrets   int
}

// AddFlags declares the options' flags.
func (o *Server) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.url, "url", "", "`address` of the server (default "+defaultServer+")")
	f.StringVar(&o.caCert, "ca-cert", "", "`file` with further certificate authorities, PEM")
	f.StringVar(&o.certificate, "client-cert", "", "`file` with the client certificate and its chain for a gateway in front of the server, PEM")
	f.StringVar(&o.key, keyFlag, "", "`file` with the client certificate's key, PEM (default: the one with the certificate)")
	f.StringVar(&o.headersFile, headersFlag, "", "`file` with headers for a gateway in front of the server, a line \"Name: value\" each")
	f.BoolVar(&o.insecureHTTP, "insecure-http", false, "allow http:// to other hosts than this one")
	f.StringVar(&o.Organization, "organization", "", "organisation `id`, for servers that list projects only by it")
	o.Who.AddFlags(f)
	f.DurationVar(&o.timeout, "timeout", 10*time.Second, "hard deadline of one operation on the server")
	f.DurationVar(&o.rateWait, "rate-wait", 65*time.Second, "how long to wait when the server's rate limit is reached; 0: not at all")
	f.IntVar(&o.maxSecrets, "max-secrets", client.DefaultMaxSecrets, "how many secrets, or folders, a folder may have; of more it is an error")
}

// ClientConfig turns the options into a client's configuration, but for the
// credentials.
func (o *Server) ClientConfig(lookup func(string) (string, bool), log *slog.Logger) (client.Config, error) {
	cfg := client.Config{
		URL:          o.address(lookup),
		InsecureHTTP: o.insecureHTTP,
		Organization: FirstOf(lookup, o.Organization, Borrowed["organization"]...),
		Timeout:      o.timeout,
		RateWait:     duration.FromFlag(o.rateWait),
		MaxSecrets:   o.maxSecrets,
		Log:          log,
	}
	switch {
	case o.timeout <= 0:
		return cfg, exitcode.Errorf(exitcode.Config, "use a duration like 10s", "--timeout must be longer than nothing")
	case o.rateWait < 0:
		return cfg, exitcode.Errorf(exitcode.Config, "use a duration like 1m, or 0", "--rate-wait must not be negative")
	case o.maxSecrets <= 0:
		return cfg, exitcode.Errorf(exitcode.Config, fmt.Sprintf("use a number like %d", client.DefaultMaxSecrets), "--max-secrets must be more than nothing")
	}
	if o.caCert != "" {
		pool, err := loadAuthorities(o.caCert)
		if err != nil {
			return cfg, err
		}
		cfg.RootCAs = pool
	}
	var err error
	if cfg.Certificate, err = o.clientCertificate(); err != nil {
		return cfg, err
	}
	cfg.Headers, err = o.Headers(lookup)
	return cfg, err
}

// keyFlag names the file with the client certificate's key.
const keyFlag = "client-key"

// clientCertificate is what is shown in each handshake, nil if nothing is.
func (o *Server) clientCertificate() (*client.ClientCertificate, error) {
	switch {
	case o.certificate == "" && o.key == "":
		return nil, nil
	case o.certificate == "":
		return nil, exitcode.Errorf(exitcode.Config, "add --client-cert with the certificate", "--client-key is given without --client-cert")
	}
	loaded, err := client.LoadClientCertificate(o.certificate, o.keyFile())
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Config, "--client-cert and --client-key want readable files in PEM form, a certificate in date and the key that belongs to it", "%w", err)
	}
	return loaded, nil
}

// keyFile has the client certificate's key; empty: there is none.
func (o *Server) keyFile() string { return cmp.Or(o.key, o.certificate) }

// Files are the values of all flags that name a file which is read again later; see
// [credential.Flags.Files].
func (o *Server) Files() []*string {
	files := o.Who.Files()
	for _, file := range []*string{&o.headersFile, &o.certificate, &o.key} {
		if *file != "" {
			files = append(files, file)
		}
	}
	return files
}

// Paths are the paths that [Server.Files] stand at.
func (o *Server) Paths() (paths []string) {
	for _, file := range o.Files() {
		paths = append(paths, *file)
	}
	return paths
}

// address is where the server is.
func (o *Server) address(lookup func(string) (string, bool)) string {
	return cmp.Or(FirstOf(lookup, o.url, Borrowed["url"]...), defaultServer)
}

func loadAuthorities(file string) (*x509.CertPool, error) {
	pool, err := client.LoadCertificates(file)
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Config, "--ca-cert wants a readable file with certificates in PEM form", "%w", err)
	}
	return pool, nil
}

// NewClient makes the client, with the exit code for an address that cannot be.
func NewClient(cfg client.Config) (*client.Client, error) {
	if strings.Contains(cfg.URL, "@") { // and is not repeated: it may hold a password
		return nil, exitcode.Errorf(exitcode.Config, "credentials go into files or variables; see --help", "the server address must not hold a user name or password")
	}
	c, err := client.New(cfg)
	if err != nil {
		return nil, &exitcode.Error{Err: err, Hint: "--url takes an address like https://infisical.example.com", Code: exitcode.Config}
	}
	return c, nil
}
