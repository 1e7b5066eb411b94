package credential

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
)

var (
	tlsCert = Setting{Flag: "tls-cert-file", Usage: "`file` with the client certificate and its chain, PEM (tls-cert-auth)", Stored: "infisical-tls-cert"}
	tlsKey  = Setting{Flag: "tls-key-file", Usage: "`file` with the client certificate's key, PEM (tls-cert-auth)", Stored: "infisical-tls-key"}
	tlsURL  = Setting{Flag: "tls-login-url", Usage: "`address` that asks for the client certificate, if not the server's own or the vendor's port 8443 (tls-cert-auth)", Shared: true}
)

// tlsCertAuth is a certificate that is shown in the handshake of the login's connection,
// and in no other.
func tlsCertAuth() *Method {
	return &Method{
		Name: "tls-cert-auth", Path: "tls-cert-auth", Summary: "a client certificate",
		Identity: []string{"INFISICAL_TLS_CERT_AUTH_IDENTITY_ID"},
		Settings: []Setting{tlsCert, tlsKey, tlsURL},
		Remote:   true,
		Prove: func(s *Search) (Prover, error) {
			cert, certFrom := s.path(tlsCert)
			key, keyFrom := s.path(tlsKey)
			if cert == "" || key == "" {
				return Prover{}, missing("tls-cert-auth", "--tls-cert-file and --tls-key-file")
			}
			if _, err := loadPair(certFrom, cert, key); err != nil {
				return Prover{}, err
			}
			if !strings.HasSuffix(keyFrom, ofSystemd) {
				if err := s.guard(keyFrom, key); err != nil {
					return Prover{}, err
				}
			}
			address, _ := s.Text(tlsURL)
			if address == "" {
				address = certificatePort(s.Server)
			}
			return Prover{
				Proof: func(context.Context) (client.Proof, error) {
					return client.Proof{URL: address, Transport: s.certificateTransport(certFrom, cert, key)}, nil
				},
				Inputs: contentOf(cert, key),
			}, nil
		},
	}
}

// loadPair reads certificate and key, which is done again for each handshake, so that
// renewed ones are followed.
func loadPair(from, cert, key string) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Config, "name two readable files in PEM form, a certificate and the key that belongs to it", "%s: no client certificate: %w", from, err)
	}
	if leaf := pair.Leaf; leaf != nil && time.Now().After(leaf.NotAfter) {
		return nil, exitcode.Errorf(exitcode.Login, "put a new one in its place; if this machine's clock is wrong, set it",
			"%s: the client certificate has ended (at %s)", from, leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return &pair, nil
}

// certificateTransport makes connections that show the certificate. It speaks HTTP/1.1,
// over which a server's refusal is always heard; with HTTP/2 many are lost. The
// certificate is shown whatever issuers the server names, so that it is the server who says no.
func (s *Search) certificateTransport(from, cert, key string) *http.Transport {
	var only http.Protocols
	only.SetHTTP1(true)
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		Protocols:           &only,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second,
		DisableKeepAlives:   true,
		TLSClientConfig: &tls.Config{
			RootCAs: s.RootCAs, MinVersion: tls.VersionTLS12,
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return loadPair(from, cert, key)
			},
		},
	}
}

// certificatePort is the address of the server that asks for client certificates: the
// vendor's own servers do so at another port. Empty: the server's own.
func certificatePort(server string) string {
	u, err := url.Parse(server)
	if err != nil || u.Port() != "" || u.Hostname() != "infisical.com" && !strings.HasSuffix(u.Hostname(), ".infisical.com") {
		return ""
	}
	u.Host = net.JoinHostPort(u.Hostname(), "8443")
	return u.String()
}
