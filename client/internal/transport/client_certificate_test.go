package transport

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// issue writes a client certificate of that name, and its key, into two files of a directory.
func issue(t *testing.T, dir, name string, ends time.Time) (certificate, key string) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Unix(0, 0), NotAfter: ends}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, own.Public(), own)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(own)
	require.NoError(t, err)
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	replace(t, certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))
	replace(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	return certificate, key
}

// replace puts another file in a file's place, as whoever renews certificates does.
func replace(t *testing.T, file string, text []byte) {
	require.NoError(t, os.WriteFile(file+".new", text, 0o600))
	require.NoError(t, os.Rename(file+".new", file))
}

// doorkeeper is a server that lets in, in the handshake, whoever shows a certificate of a name
// that it accepts, and notes by whose each request came.
type doorkeeper struct {
	*httptest.Server
	sync.Mutex // guards all below
	accepts    map[string]bool
	came       []string
}

func newDoorkeeper(t *testing.T, http2 bool, accepts ...string) *doorkeeper {
	d := &doorkeeper{accepts: map[string]bool{}}
	for _, name := range accepts {
		d.accepts[name] = true
	}
	d.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.Lock()
		d.came = append(d.came, r.TLS.PeerCertificates[0].Subject.CommonName)
		d.Unlock()
		io.WriteString(w, `{"accessToken":"fake-token","expiresIn":3600,"accessTokenMaxTTL":3600,"projects":[]}`)
	}))
	d.Config.ErrorLog = log.New(io.Discard, "", 0)
	d.EnableHTTP2 = http2
	d.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, VerifyConnection: func(c tls.ConnectionState) error {
		d.Lock()
		defer d.Unlock()
		if !d.accepts[c.PeerCertificates[0].Subject.CommonName] {
			return secret.ErrDenied
		}
		return nil
	}}
	d.StartTLS()
	t.Cleanup(d.Close)
	return d
}

// visited returns who came since it was called last.
func (d *doorkeeper) visited() []string {
	d.Lock()
	defer d.Unlock()
	came := d.came
	d.came = nil
	return came
}

func (d *doorkeeper) client(t *testing.T, certificate *ClientCertificate, log *slog.Logger) *Transport {
	roots := x509.NewCertPool()
	roots.AddCert(d.Certificate())
	c, err := New(Config{URL: d.URL, RootCAs: roots, Source: byName{}, Certificate: certificate, Log: log})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// All requests show the certificate, and one that replaces it is shown by the next one.
func TestAClientCertificateIsShownAndFollowed(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		d, dir := newDoorkeeper(t, http2, "old", "new"), t.TempDir()
		loaded, err := LoadClientCertificate(issue(t, dir, "old", time.Now().Add(time.Hour)))
		require.NoError(t, err)
		var text bytes.Buffer
		c := d.client(t, loaded, slog.New(slog.NewTextHandler(&text, nil)))
		_, err = listProjects(t, c)
		require.NoError(t, err)
		require.Equal(t, []string{"old", "old"}, d.visited(), "the login too")

		// Only one of the two files is there yet: the old certificate does.
		before, err := os.ReadFile(filepath.Join(dir, "cert.pem"))
		require.NoError(t, err)
		issue(t, dir, "new", time.Now().Add(time.Hour))
		after, err := os.ReadFile(filepath.Join(dir, "cert.pem"))
		require.NoError(t, err)
		replace(t, filepath.Join(dir, "cert.pem"), before)
		for range 2 {
			_, err = listProjects(t, c)
			require.NoError(t, err)
		}
		require.Equal(t, []string{"old", "old"}, d.visited())
		require.Equal(t, 1, bytes.Count(text.Bytes(), []byte("replaced by what is none")), text.String())
		replace(t, filepath.Join(dir, "cert.pem"), after)

		d.Lock()
		delete(d.accepts, "old")
		d.Unlock()
		_, err = listProjects(t, c)
		require.NoError(t, err)
		require.Equal(t, []string{"new"}, d.visited())
		require.NoError(t, os.Remove(filepath.Join(dir, "cert.pem")))
		_, err = listProjects(t, c)
		require.NoError(t, err, "between two certificates there may be none")
	}
}

// A connection of the certificate before is not kept until somebody else closes it.
func TestConnectionsOfTheCertificateBeforeAreClosed(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		d, dir := newDoorkeeper(t, http2, "old", "new"), t.TempDir()
		closed := make(chan struct{}, 9)
		loaded, err := LoadClientCertificate(issue(t, dir, "old", time.Now().Add(time.Hour)))
		require.NoError(t, err)
		c := d.client(t, loaded, nil)
		old := c.cfg.Transport.(*certified).shown.Load().http
		dial := old.DialContext
		old.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return noticing{conn, closed}, err
		}
		_, err = listProjects(t, c)
		require.NoError(t, err)
		issue(t, dir, "new", time.Now().Add(time.Hour))
		_, err = listProjects(t, c)
		require.NoError(t, err)
		<-closed
	}
}

// noticing is a connection that tells of its end.
type noticing struct {
	net.Conn
	closed chan<- struct{}
}

func (n noticing) Close() error { n.closed <- struct{}{}; return n.Conn.Close() }

func TestClientCertificatesThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	certificate, key := issue(t, dir, "old", time.Now().Add(-time.Hour))
	_, err := LoadClientCertificate(certificate, key)
	require.ErrorIs(t, err, secret.ErrInvalid)
	require.ErrorContains(t, err, "has ended")
	_, err = LoadClientCertificate(key, certificate)
	require.ErrorIs(t, err, secret.ErrInvalid)
	_, err = LoadClientCertificate(certificate, key+".missing")
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = LoadClientCertificate(dir, key)
	require.Error(t, err)
}

// Without a certificate, or with a wrong one, the error says that it was TLS.
func TestAClientCertificateIsRefused(t *testing.T) {
	d := newDoorkeeper(t, false, "old")
	require.ErrorIs(t, d.client(t, nil, nil).LogIn(t.Context()), ErrAlert)
	loaded, err := LoadClientCertificate(issue(t, t.TempDir(), "stranger", time.Now().Add(time.Hour)))
	require.NoError(t, err)
	err = d.client(t, loaded, nil).LogIn(t.Context())
	require.ErrorIs(t, err, ErrAlert)
	require.ErrorIs(t, err, secret.ErrUnavailable)
	require.Empty(t, d.visited())
}
