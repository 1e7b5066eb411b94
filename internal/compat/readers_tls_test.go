package compat

import (
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
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"

	"infisicalfs/internal/devserver"
)

// pair is a certificate and its key, as they are stored. They are made anew each
// time and trusted by nobody.
type pair struct{ certificate, key string }

func newPair(t *testing.T, serial int64) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: "fake.example"},
		DNSNames:     []string{"fake.example"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return pair{encode("CERTIFICATE", der), encode("PRIVATE KEY", keyDER)}
}

// setPair changes both at once on the server.
func (w *world) setPair(p pair) {
	w.t.Helper()
	require.NoError(w.t, w.Edit(func(e *devserver.Editor) error {
		if err := e.Set("demo", "dev", "/tls", "tls.crt", p.certificate); err != nil {
			return err
		}
		return e.Set("demo", "dev", "/tls", "tls.key", p.key)
	}))
}

// newPairWorld has a first pair in the folder tls.
func newPairWorld(t *testing.T, flags ...string) *world {
	w := newServer(t)
	w.fill("tls", nil)
	w.setPair(newPair(t, 1))
	w.mount(append(flags, polling...)...)
	return w
}

// controller-runtime's certwatcher reads both files when it hears of one. What it
// serves meanwhile is the old pair or the new one.
func TestCertwatcher(t *testing.T) {
	for _, layout := range []string{"tree", "k8s"} {
		t.Run(layout, func(t *testing.T) {
			w := newPairWorld(t, "--layout="+layout, "--read-only")
			watcher, err := certwatcher.New(w.path("tls/tls.crt"), w.path("tls/tls.key"))
			require.NoError(t, err)
			watcher.WithWatchInterval(time.Hour) // it is to be told
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- watcher.Start(ctx) }()
			defer func() {
				cancel()
				require.NoError(t, <-ended)
			}()
			server := httptest.NewUnstartedServer(http.NotFoundHandler())
			server.TLS = &tls.Config{GetCertificate: watcher.GetCertificate}
			server.Config.ErrorLog = log.New(io.Discard, "", 0) // who has seen the certificate hangs up
			server.StartTLS()
			defer server.Close()
			for serial := int64(2); serial <= 4; serial++ {
				w.setPair(newPair(t, serial))
				require.Eventually(t, func() bool {
					got, err := served(server.Listener.Addr().String())
					require.NoError(t, err)
					require.Contains(t, []int64{serial - 1, serial}, got)
					return got == serial
				}, noticeLimit, 10*time.Millisecond)
			}
		})
	}
}

// nginx reads certificate and key as root when it starts and when it is told to.
func TestNginxTLS(t *testing.T) {
	needs(t, "nginx")
	for _, layout := range []string{"tree", "k8s"} {
		t.Run(layout, func(t *testing.T) {
			w := newPairWorld(t, "--layout="+layout, "--read-only", "--mode=0444", "--chmod=tls/*.key=0400")
			key, err := os.Stat(w.path("tls/tls.key"))
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o400), key.Mode())
			n := startNginx(t, "server { listen ADDRESS ssl; ssl_certificate TLS.crt; ssl_certificate_key TLS.key; }", "TLS", w.path("tls/tls"))
			serves := func(serial int64) func() bool {
				return func() bool {
					got, err := served(n.address)
					return err == nil && got == serial
				}
			}
			require.Eventually(t, serves(1), noticeLimit, 10*time.Millisecond)
			second := newPair(t, 2)
			w.setPair(second)
			require.Eventually(t, func() bool {
				text, err := os.ReadFile(w.path("tls/tls.key"))
				require.NoError(t, err)
				return string(text) == second.key
			}, noticeLimit, 10*time.Millisecond)
			n.reload()
			require.Eventually(t, serves(2), noticeLimit, 10*time.Millisecond)
		})
	}
}

// served returns the serial number of the certificate that a server shows. The
// handshake ends well only if the server has the key that belongs to it.
func served(address string) (serial int64, err error) {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	anybody := &tls.Config{ServerName: "fake.example", InsecureSkipVerify: true} // nobody vouches for it, but its key is verified
	c, err := tls.DialWithDialer(dialer, "tcp", address, anybody)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
}
