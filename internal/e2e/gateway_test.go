package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// hidden is a host that only the proxy finds.
const hidden = "infisical.invalid"

// behindGateway serves a world to who shows a client certificate and a header, under a name
// that is nowhere. It returns the server's certificate, PEM, and what has been wrong with requests.
func behindGateway(t *testing.T, w *world) (address, authority string, wrong func() []string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(3), DNSNames: []string{hidden}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)

	var mu sync.Mutex // guards list
	var list []string
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		if name := r.TLS.PeerCertificates[0].Subject.CommonName; name != "web" || r.ProtoMajor != 2 || r.TLS.Version < tls.VersionTLS12 || r.Header.Get("X-Gateway") == "" || r.Host != hidden {
			list = append(list, fmt.Sprint(name, r.Proto, r.TLS.Version, r.Host, r.URL.Path))
		}
		mu.Unlock()
		w.ServeHTTP(rw, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}, ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.Listener.Addr().String(), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return list
	}
}

// proxy is a forward proxy that knows where the hidden host is, and notes what it is asked for.
type proxy struct {
	to    string
	mu    sync.Mutex // guards heard
	heard []string
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.heard = append(p.heard, fmt.Sprint(r.Method, " ", r.Host, " ", r.Header))
	p.mu.Unlock()
	if user, password, _ := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth(); user != "me" || password != "canary-of-proxy" {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	far, err := net.Dial("tcp", p.to)
	if err != nil || r.Method != http.MethodConnect || r.Host != hidden+":443" {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		far.Close()
		return
	}
	io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { io.Copy(far, near); far.Close() }()
	go func() { io.Copy(near, far); near.Close() }()
}

// asked returns what the proxy was asked for since it was looked at last.
func (p *proxy) asked() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	heard := strings.Join(p.heard, "\n")
	p.heard = nil
	return heard
}

// A server that is reached through a proxy, behind a gateway that wants a client certificate
// and a header: all requests have these, and the proxy learns of neither.
func TestThroughAProxyToAGateway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devserver.Config{})
	address, authority, wrong := behindGateway(t, w)
	p := &proxy{to: address}
	front := httptest.NewServer(p)
	t.Cleanup(func() { front.CloseClientConnections(); front.Close() })
	via := func(user string) string { return strings.Replace(front.URL, "//", "//"+user+"@", 1) }

	cert, key := newAuthority(t).issue(t, "web")
	flags := []string{
		"doctor", "--url=https://" + hidden, "--timeout=3s", "--ca-cert=" + w.file(t, authority), "--headers-file=" + w.file(t, "X-Gateway: canary-of-gateway"),
		"--client-cert=" + w.file(t, cert), "--client-key=" + w.file(t, key),
		"--client-id=" + w.Credentials("viewer").ClientID, "--client-secret-file=" + w.file(t, w.Credentials("viewer").ClientSecret),
	}
	doctor := func(flags []string, environ ...string) (string, int) {
		cmd := exec.Command(program, flags...)
		for _, v := range cleanEnviron() {
			if name, _, _ := strings.Cut(strings.ToUpper(v), "="); !strings.HasSuffix(name, "_PROXY") {
				cmd.Env = append(cmd.Env, v)
			}
		}
		cmd.Env = append(cmd.Env, environ...)
		out, _ := cmd.CombinedOutput()
		require.NotContains(t, string(out), "canary")
		return string(out), cmd.ProcessState.ExitCode()
	}

	for _, variable := range []string{"HTTPS_PROXY=", "https_proxy="} {
		w.ResetRequests()
		out, code := doctor(flags, variable+via("me:canary-of-proxy"))
		require.Zero(t, code, out)
		asked := p.asked()
		require.Contains(t, asked, "CONNECT "+hidden+":443")
		require.NotContains(t, asked, "X-Gateway")
		require.NotContains(t, asked, "Bearer")
		require.NotEmpty(t, w.Requests())
		require.Empty(t, wrong())
	}

	out, code := doctor(flags, "HTTPS_PROXY="+via("me:canary-wrong"))
	require.Equal(t, 7, code, out)
	require.Contains(t, out, "Proxy Authentication Required")
	p.asked()
	_, code = doctor(flags, "HTTPS_PROXY="+via("me:canary-of-proxy"), "NO_PROXY=.example.com,"+hidden)
	require.Equal(t, 7, code, "there is no other way to it")
	require.Empty(t, p.asked())

	// Without the certificate the gateway ends the handshake. Of HTTP/2 its alert may be lost.
	var without []string
	for _, f := range flags {
		if !strings.HasPrefix(f, "--client-cert=") && !strings.HasPrefix(f, "--client-key=") {
			without = append(without, f)
		}
	}
	out, code = doctor(without, "HTTPS_PROXY="+via("me:canary-of-proxy"))
	require.Equal(t, 7, code, out)
}
