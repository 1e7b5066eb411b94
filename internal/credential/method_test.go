package credential

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// A runner of CI jobs gives a token for the audience that is asked for.
func TestATokenOfGitHubActions(t *testing.T) {
	server, err := devserver.New(devserver.Config{})
	require.NoError(t, err)
	defer server.Close()
	require.NoError(t, server.Edit(func(e *devserver.Editor) error {
		return e.SetLogin("viewer", devserver.Login{Method: "oidc-auth", Audiences: []string{"mine"}})
	}))
	runner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "bearer fake-bearer" || r.URL.Query().Get("v") != "1" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, `{"count":1,"value":%q}`, server.IssueJWT(map[string]any{"aud": r.URL.Query().Get("audience")}))
	}))
	defer runner.Close()
	login := func(bearer string, flags words) error {
		flags["identity-id"] = server.Credentials("viewer").IdentityID
		found, err := find(flags, variables{"ACTIONS_ID_TOKEN_REQUEST_URL": runner.URL + "/token?v=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": bearer})
		require.NoError(t, err)
		require.Equal(t, "oidc-auth", found.Method)
		c, err := client.New(client.Config{URL: "http://127.0.0.1:1", Auth: found.Auth, Transport: devserver.Transport(server)})
		require.NoError(t, err)
		defer c.Close()
		return c.Login(t.Context())
	}
	require.NoError(t, login("fake-bearer", words{"oidc-audience": "mine"}))
	require.ErrorIs(t, login("fake-bearer", words{}), secret.ErrUnauthenticated)
	err = login("fake-other", words{})
	require.ErrorContains(t, err, "ACTIONS_ID_TOKEN_REQUEST_URL: the runner gives no token: it says 401")
	require.NotContains(t, err.Error(), "fake-other")
	runner.Close()
	err = login("fake-bearer", words{})
	require.ErrorIs(t, err, secret.ErrUnavailable)
	require.NotErrorIs(t, err, secret.ErrUnauthenticated, "the credentials are not at fault")
}

// keyPair is a certificate that signs itself, and its key, in files.
func keyPair(t *testing.T, ends time.Time) (cert, key string) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "web"}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: ends}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, own.Public(), own)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(own)
	require.NoError(t, err)
	return write(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))), write(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})))
}

// A server that ends the handshake because of the certificate is heard each time, and
// asked once.
func TestACertificateThatTheHandshakeRefuses(t *testing.T) {
	cert, key := keyPair(t, time.Now().Add(time.Hour))
	listener := httptest.NewUnstartedServer(http.NotFoundHandler())
	listener.EnableHTTP2 = true
	listener.Config.ErrorLog = discard()
	listener.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool()}
	listener.StartTLS()
	defer listener.Close()
	roots := x509.NewCertPool()
	roots.AddCert(listener.Certificate())
	flags := words{"identity-id": "id", "tls-cert-file": cert, "tls-key-file": key}
	for range 30 {
		s := Search{Flags: flags.flags(), Lookup: variables{}.lookup, Server: listener.URL, RootCAs: roots}
		found, err := s.Find(t.Context())
		require.NoError(t, err)
		c, err := client.New(client.Config{URL: listener.URL, RootCAs: roots, Auth: found.Auth})
		require.NoError(t, err)
		err = c.Login(t.Context())
		require.ErrorIs(t, err, secret.ErrUnauthenticated)
		require.ErrorContains(t, err, "does not accept the client certificate")
		require.Equal(t, err.Error(), c.Login(t.Context()).Error(), "it is not tried again at once")
		require.NoError(t, c.Close())
	}
}

func TestCertificatesThatCannotBe(t *testing.T) {
	cert, key := keyPair(t, time.Now().Add(time.Hour))
	_, other := keyPair(t, time.Now().Add(time.Hour))
	ended, endedKey := keyPair(t, time.Now().Add(-time.Hour))
	for _, c := range []struct{ cert, key, says string }{
		{cert, other, "no client certificate"},
		{cert, cert + "x", "no such file"},
		{ended, endedKey, "the client certificate has ended"},
	} {
		_, err := find(words{"identity-id": "id", "tls-cert-file": c.cert, "tls-key-file": c.key}, nil)
		require.ErrorContains(t, err, c.says)
		require.NotEmpty(t, hintOf(err))
	}
	require.NoError(t, os.Chmod(key, 0o644))
	_, err := find(words{"identity-id": "id", "tls-cert-file": cert, "tls-key-file": key, "strict": ""}, nil)
	require.ErrorContains(t, err, "--tls-key-file")
	require.ErrorContains(t, err, "can be read by others")
}

// At the vendor's the certificate goes to a port of its own.
func TestWhereCertificatesAreShown(t *testing.T) {
	for server, want := range map[string]string{
		"https://app.infisical.com":          "https://app.infisical.com:8443",
		"https://eu.infisical.com/api":       "https://eu.infisical.com:8443/api",
		"https://app.infisical.com:9":        "",
		"https://infisical.example.com":      "",
		"https://infisical.com.example.com/": "",
	} {
		require.Equal(t, want, certificatePort(server), server)
	}
}

// Nobody reads a name that is no variable's into a list of those that are taken away.
func TestSecretVariables(t *testing.T) {
	names := words{"oidc-token-env": "MINE"}.flags().SecretVariables(variables{}.lookup)
	for _, name := range []string{"INFISICAL_TOKEN", "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET", "INFISICAL_LDAP_PASSWORD", "INFISICAL_JWT", "MINE"} {
		require.Contains(t, names, name)
	}
	for _, name := range []string{"INFISICAL_MACHINE_IDENTITY_ID", "INFISICAL_CLIENT_ID", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"} {
		require.NotContains(t, names, name)
	}
	require.False(t, strings.Contains(strings.Join(names, " "), "AWS_"), "they are other programs' too")
}

func discard() *log.Logger { return log.New(io.Discard, "", 0) }
