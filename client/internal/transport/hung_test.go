package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// trickle writes one byte each second until the other side has enough.
func trickle(conn net.Conn, text string) {
	for i := 0; ; i++ {
		b := byte(' ')
		if i < len(text) {
			b = text[i]
		}
		if _, err := conn.Write([]byte{b}); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

// silent takes what comes and says nothing.
func silent(conn net.Conn) { io.Copy(io.Discard, conn) }

// taking reads what comes beside that what serve writes.
func taking(serve func(net.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		go io.Copy(io.Discard, conn)
		serve(conn)
	}
}

// behindTLS is a server that hangs only after the handshake.
func behindTLS(certificate tls.Certificate, protocol string, serve func(net.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		secured := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{protocol}})
		if secured.Handshake() == nil {
			serve(secured)
		}
	}
}

// Wherever a server or a proxy hangs, or says a byte a second, an operation has ended
// when its deadline has passed, and everything that was begun for it soon after.
func TestAServerThatHangsStretchesNothing(t *testing.T) {
	certificate, roots := selfSigned(t, "server.example.com")
	slowly := func(text string) func(net.Conn) { return taking(func(conn net.Conn) { trickle(conn, text) }) }
	for name, row := range map[string]struct {
		serve func(net.Conn) // nil: there is no connection
		proxy bool
	}{
		"no connection":              {},
		"no handshake":               {serve: silent},
		"a handshake by bytes":       {serve: slowly("\x16\x03\x03\x40\x00\x02")},
		"no answer":                  {serve: behindTLS(certificate, "http/1.1", silent)},
		"no answer, HTTP/2":          {serve: behindTLS(certificate, "h2", silent)},
		"an answer's head by bytes":  {serve: behindTLS(certificate, "http/1.1", slowly("HTTP/1.1 200 OK\r\nX-Long: "))},
		"a frame by bytes":           {serve: behindTLS(certificate, "h2", slowly("\x00\x40\x00\x04\x00\x00\x00\x00\x00"))},
		"an answer's body by bytes":  {serve: behindTLS(certificate, "http/1.1", slowly("HTTP/1.1 200 OK\r\n\r\n{"))},
		"only informational answers": {serve: behindTLS(certificate, "http/1.1", taking(informational))},
		"a proxy without an answer":  {serve: silent, proxy: true},
		"a proxy that answers bytes": {serve: slowly("HTTP/1.1 200 OK\r\nX-Long: "), proxy: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const timeout = 10 * time.Second
				c, err := New(Config{URL: "https://server.example.com", RootCAs: roots, Timeout: timeout, Source: byName{}})
				require.NoError(t, err)
				// Whatever is left of it then is found by synctest.
				defer func() { c.Close(); time.Sleep(2 * time.Minute) }()
				connections := c.cfg.Transport.(*http.Transport)
				connections.Proxy = nil
				if row.proxy {
					connections.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example.com:3128"})
				}
				connections.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
					if row.serve == nil {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					near, far := net.Pipe()
					go func() { row.serve(far); far.Close() }()
					return near, nil
				}
				for op, do := range map[string]func() error{
					"log in": func() error {
						ctx, end := c.Begin(t.Context())
						defer end()
						return c.LogIn(ctx)
					},
					"read": func() error {
						ctx, end := c.Begin(t.Context())
						defer end()
						_, err := c.try(ctx, Request{Op: "read", Method: http.MethodGet, Path: "/x"}, secret.Value{})
						return err
					},
				} {
					began := time.Now()
					err := do()
					require.True(t, errors.Is(err, secret.ErrTimeout) || errors.Is(err, secret.ErrUnavailable), "%s: %v", op, err)
					require.LessOrEqual(t, time.Since(began), timeout, op)
				}
			})
		})
	}
}

// informational says without end that there will be an answer.
func informational(conn net.Conn) {
	for {
		if _, err := io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\n\r\n"); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

// selfSigned is a certificate of a server, and who trusts it.
func selfSigned(t *testing.T, host string) (tls.Certificate, *x509.CertPool) {
	file, key := issue(t, t.TempDir(), host, time.Now().Add(100*365*24*time.Hour))
	pair, err := tls.LoadX509KeyPair(file, key)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(pair.Leaf)
	return pair, roots
}
