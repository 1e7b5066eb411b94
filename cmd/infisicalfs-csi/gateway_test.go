package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// gateway stands in front of the server. It wants a certificate, which it makes, and a header, whose value changes.
type gateway struct {
	url, authority, certificate, key string // files, but for url
	word                             atomic.Value
}

func newGateway(m *machine) *gateway {
	g := &gateway{authority: m.dir + "/ca.pem", certificate: m.dir + "/client.pem", key: m.dir + "/client-key.pem"}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(m, err)
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	signed, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	require.NoError(m, err)
	known, err := x509.ParseCertificate(signed)
	require.NoError(m, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(m, err)

	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Gateway") != g.word.Load() {
			http.Error(w, "nobody is let in", http.StatusForbidden)
			return
		}
		m.Server.ServeHTTP(w, r)
	}))
	front.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool()}
	front.TLS.ClientCAs.AddCert(known)
	front.StartTLS()
	m.Cleanup(front.Close)
	g.url = front.URL
	for file, block := range map[string]*pem.Block{
		g.authority:   {Type: "CERTIFICATE", Bytes: front.Certificate().Raw},
		g.certificate: {Type: "CERTIFICATE", Bytes: signed},
		g.key:         {Type: "PRIVATE KEY", Bytes: secret},
	} {
		require.NoError(m, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	}
	return g
}

// A gateway is shown a certificate and what the file of headers has, which SIGHUP has the plugin read again; a
// mistake there changes nothing. Nothing of all that is logged.
func TestGateway(t *testing.T) {
	m := newMachine(t)
	g := newGateway(m)
	headers := m.dir + "/headers"
	const first, second = "canary-of-the-first-header", "canary-of-the-second-header"
	says := func(word string) {
		require.NoError(t, os.WriteFile(headers, []byte("X-Gateway: "+word+"\n"), 0o600))
	}
	g.word.Store(first)
	says(first)
	var err error
	m.stderr, err = os.Create(m.dir + "/log")
	require.NoError(t, err)
	defer m.stderr.Close()
	logged := func() string {
		text, err := os.ReadFile(m.dir + "/log")
		require.NoError(t, err)
		return string(text)
	}
	m.url = g.url
	m.start("--ca-cert="+g.authority, "--client-cert="+g.certificate, "--client-key="+g.key, "--headers-file="+headers, "--debug")
	r := m.volume("pod", map[string]string{"project": "demo", "env": "dev"})
	m.publish(r)
	m.reads(r.TargetPath+"/GREETING", "hello, world")

	require.NoError(t, os.WriteFile(headers, []byte("canary-without-a-colon\n"), 0o600))
	hangup := func(line string) {
		before := strings.Count(logged(), line)
		require.NoError(t, m.cmd.Process.Signal(syscall.SIGHUP))
		require.Eventually(t, func() bool { return strings.Count(logged(), line) > before }, 20*time.Second, 10*time.Millisecond, line)
	}
	hangup("go on with the configuration that they had")
	m.reads(r.TargetPath+"/GREETING", "hello, world")
	g.word.Store(second)
	says(second)
	hangup("the configuration was read again")
	require.NoError(t, m.Edit(func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", "GREETING", "canary-of-a-value") }))
	m.reads(r.TargetPath+"/GREETING", "canary-of-a-value")

	require.NoError(t, m.end(syscall.SIGTERM))
	key, err := os.ReadFile(g.key)
	require.NoError(t, err)
	log := logged()
	require.Contains(t, log, "/csi.v1.Node/NodePublishVolume")
	for _, word := range []string{"canary", "hello, world", strings.Split(string(key), "\n")[1], strings.Split(r.Secrets["csi.storage.k8s.io/serviceAccount.tokens"], `"`)[5]} {
		require.GreaterOrEqual(t, len(word), 6)
		require.NotContains(t, log, word)
	}
}
