package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"infisicalfs/internal/namedfile"
	"infisicalfs/secret"
)

// newRoundTripper carries requests to one server, where a certificate is shown unless it is nil.
func newRoundTripper(roots *x509.CertPool, certificate *ClientCertificate, log *slog.Logger) http.RoundTripper {
	if certificate == nil {
		return newConnections(roots)
	}
	return newCertified(certificate, func(pair *tls.Certificate) *http.Transport {
		c := newConnections(roots)
		// Whatever issuers the server names: it is for the server to say no.
		c.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair, nil }
		return c
	}, log)
}

// newConnections makes the connections to one server. Waiting for an answer is
// bounded elsewhere, by the deadline of each operation.
func newConnections(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:               quietly(http.ProxyFromEnvironment),
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 5 * time.Second,
		ForceAttemptHTTP2:   true,
		// An HTTP/2 connection carries all requests, so a dead one would fail them
		// all until the kernel gives it up, which takes a quarter of an hour.
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: 2 * time.Second},
		MaxResponseHeaderBytes: 512 << 10, // servers send a few KiB

		MaxIdleConnsPerHost: 8,
		MaxConnsPerHost:     16,
		IdleConnTimeout:     60 * time.Second, // servers close theirs after 72 s
	}
}

// quietly hides the text of a proxy's address that cannot be parsed, since it
// may hold a password.
func quietly(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		u, err := proxy(r)
		if err != nil {
			return nil, errors.New("the proxy's address in the environment is not valid (HTTPS_PROXY, HTTP_PROXY)")
		}
		return u, nil
	}
}

// maxPEM is more than any file with certificates has, in bytes: those of whole systems have
// some 200 KiB.
const maxPEM = 64 << 20

// LoadCertificates returns the system's certificate authorities and those in a
// PEM file. A file that cannot be read is an [os.PathError], one that holds
// no certificate [secret.ErrInvalid].
func LoadCertificates(file string) (*x509.CertPool, error) {
	pem, err := namedfile.Read(file, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("cannot read the certificate file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form: %w", file, secret.ErrInvalid)
	}
	return pool, nil
}

// isCertificateError reports whether the connection failed because the
// server's certificate was not accepted; no repetition will change that.
func isCertificateError(err error) bool {
	var verification *tls.CertificateVerificationError
	return errors.As(err, &verification)
}
