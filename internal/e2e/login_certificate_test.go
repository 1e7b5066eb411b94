package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// A server that asks for a certificate at the address of its own, as one behind a proxy
// does. HTTP/2 is on, so that it matters that the login does not use it.
func TestLoginByCertificateOverALiveMount(t *testing.T) {
	t.Parallel()
	s, err := devserver.New(devserver.Config{})
	require.NoError(t, err)
	listener := httptest.NewUnstartedServer(s)
	listener.EnableHTTP2 = true
	listener.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	listener.StartTLS()
	t.Cleanup(func() { s.Close(); listener.CloseClientConnections(); listener.Close() })
	tmp, err := os.MkdirTemp(base, "world-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(tmp) })
	w := &world{s, listener.URL, tmp}
	ca := w.file(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: listener.Certificate().Raw})))

	ours, others := newAuthority(t), newAuthority(t)
	w.edit(t, func(e *devserver.Editor) error {
		return e.SetLogin("viewer", devserver.Login{Method: "tls-cert-auth", Authority: ours.pem, CommonNames: []string{"web"}})
	})
	flags := func(a *authority) []string {
		cert, key := a.issue(t, "web")
		return []string{"--ca-cert=" + ca, "--identity-id=" + w.Credentials("viewer").IdentityID, "--tls-cert-file=" + w.file(t, cert), "--tls-key-file=" + w.file(t, key)}
	}
	liveLogin(t, w, loginRow{method: "tls-cert-auth", lacks: 4}, given{nil, flags(ours)}, given{nil, flags(others)})
}

// authority signs certificates of clients.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  string
}

func newAuthority(t *testing.T) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "clients"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(raw)
	require.NoError(t, err)
	return &authority{key, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))}
}

// issue returns a certificate and its key, in PEM form.
func (a *authority) issue(t *testing.T, commonName string) (cert, key string) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	raw, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: commonName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, a.cert, own.Public(), a.key)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(own)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}
