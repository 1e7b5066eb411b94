package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/client/internal/jsonstream"
	"infisicalfs/secret"
)

// tlsServer is a server behind real TLS that lets everybody log in, and counts
// its connections.
type tlsServer struct {
	*httptest.Server
	connections atomic.Int32
}

// byName is a source that logs in with obviously fake credentials.
type byName struct{}

func (byName) Method() string { return "test" }

func (byName) Login(ctx context.Context, t *Transport) (Token, error) {
	return t.Exchange(ctx, Request{Op: "log in", Path: "/v1/auth/test/login", Body: map[string]string{"clientSecret": "fake-secret"}, Secrets: []string{"fake-secret"}})
}

func (byName) Replaced() bool { return false }

// listProjects is one operation: a list that is read as it arrives.
func listProjects(t *testing.T, c *Transport) (answer *Response, err error) {
	ctx, end := c.Begin(t.Context())
	defer end()
	read := func(s *jsonstream.Scanner, _ *jsonstream.Reservation) {
		s.Members("the answer", func([]byte) { s.Skip() })
		s.Finish()
	}
	answer, err = c.Do(ctx, Request{Op: "list projects", Method: http.MethodGet, Path: "/v1/projects", Class: "read", Decode: read})
	if err == nil {
		err = answer.Decoded()
	}
	return answer, DeadlineError(ctx, "list projects", err)
}

// secure returns a server, and a client that trusts it.
func secure(t *testing.T, http2 bool, change func(*Config), answer http.HandlerFunc) (*tlsServer, *Transport) {
	t.Helper()
	s := &tlsServer{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/v1/auth/") {
			io.WriteString(w, `{"accessToken":"fake-token","expiresIn":3600,"accessTokenMaxTTL":3600}`)
			return
		}
		answer(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	s.EnableHTTP2 = http2
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	cfg := Config{URL: s.URL, RootCAs: roots, Source: byName{}}
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return s, c
}

func noAnswer(http.ResponseWriter, *http.Request) {}

func TestAnUnknownCertificateIsRefusedAtOnce(t *testing.T) {
	s, c := secure(t, false, func(cfg *Config) { cfg.RootCAs = x509.NewCertPool() }, noAnswer)
	err := c.LogIn(t.Context())
	require.ErrorIs(t, err, secret.ErrUnavailable)
	var verification *tls.CertificateVerificationError
	require.ErrorAs(t, err, &verification)
	require.NotContains(t, err.Error(), "fake-secret")
	_, err = c.try(inOperation(t), Request{Op: "test", Method: "GET", Path: "/x"}, secret.Value{})
	require.ErrorAs(t, err, &verification)
	require.EqualValues(t, 2, s.connections.Load(), "no repetition will change the certificate")
}

func inOperation(t *testing.T) context.Context {
	ctx, end := withDeadline(t.Context(), 10*time.Second, time.Second)
	t.Cleanup(end)
	return ctx
}

func TestCertificatesFromAFile(t *testing.T) {
	s, _ := secure(t, false, nil, noAnswer)
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	require.NoError(t, os.WriteFile(file, block, 0o600))
	pool, err := LoadCertificates(file)
	require.NoError(t, err)
	c, err := New(Config{URL: s.URL, RootCAs: pool, Source: byName{}})
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.LogIn(t.Context()))

	require.NoError(t, os.WriteFile(file, []byte("nothing"), 0o600))
	_, err = LoadCertificates(file)
	require.ErrorIs(t, err, secret.ErrInvalid)
	_, err = LoadCertificates(file + ".missing")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var stolen atomic.Int32
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Add(1) }))
	defer thief.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		_, c := secure(t, false, nil, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, thief.URL, status) })
		_, err := listProjects(t, c)
		require.ErrorIs(t, err, secret.ErrUnavailable)
		var page *AnswerError
		require.ErrorAs(t, err, &page)
	}
	require.Zero(t, stolen.Load())
}

func TestABodyIsBounded(t *testing.T) {
	_, c := secure(t, false, nil, func(w http.ResponseWriter, r *http.Request) {
		block := []byte(strings.Repeat(" ", 1<<20))
		for range 5 {
			w.Write(block)
		}
	})
	c.maxAnswer = 4 << 20
	_, err := listProjects(t, c)
	require.ErrorIs(t, err, secret.ErrTooLarge)
}

func TestABodyThatTricklesEndsWithTheDeadline(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		_, c := secure(t, http2, func(cfg *Config) { cfg.Timeout = 300 * time.Millisecond }, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				select {
				case <-time.After(10 * time.Millisecond):
				case <-r.Context().Done():
				}
			}
		})
		require.NoError(t, c.LogIn(t.Context()))
		began := time.Now()
		_, err := listProjects(t, c)
		require.ErrorIs(t, err, secret.ErrTimeout)
		require.Less(t, time.Since(began), 5*time.Second)
	}
}

func TestConnectionsAreReused(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		s, c := secure(t, http2, nil, func(w http.ResponseWriter, r *http.Request) {
			require.Equal(t, http2, r.ProtoMajor == 2)
			io.WriteString(w, `{"projects":[]}`)
		})
		for range 20 {
			_, err := listProjects(t, c)
			require.NoError(t, err)
		}
		require.EqualValues(t, 1, s.connections.Load())
	}
}

// TLS 1.2 is the oldest that is spoken, and both of the newer ones are.
func TestVersionsOfTLS(t *testing.T) {
	for version, wanted := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"accessToken":"fake-token"}`) }))
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: version}
		s.StartTLS()
		t.Cleanup(s.Close)
		roots := x509.NewCertPool()
		roots.AddCert(s.Certificate())
		c, err := New(Config{URL: s.URL, RootCAs: roots, Source: byName{}})
		require.NoError(t, err)
		err = c.LogIn(t.Context())
		c.Close()
		if wanted {
			require.NoError(t, err, tls.VersionName(version))
			continue
		}
		require.ErrorIs(t, err, secret.ErrUnavailable, tls.VersionName(version))
		require.ErrorContains(t, err, "protocol version")
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	l.Close()
	c, err := New(Config{URL: "https://" + address, Source: byName{}})
	require.NoError(t, err)
	defer c.Close()
	err = c.LogIn(t.Context())
	require.ErrorIs(t, err, secret.ErrUnavailable)
	require.NotErrorIs(t, err, secret.ErrTimeout)
	require.ErrorContains(t, err, address)
}

// Somebody accepts the connection and says nothing, not even in TLS.
func TestAHandshakeThatHangs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	c, err := New(Config{URL: "https://" + l.Addr().String(), Timeout: 200 * time.Millisecond, Source: byName{}})
	require.NoError(t, err)
	defer c.Close()
	began := time.Now()
	require.ErrorIs(t, c.LogIn(t.Context()), secret.ErrTimeout)
	require.Less(t, time.Since(began), 4*time.Second)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = c.LogIn(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, secret.ErrTimeout)
}

func TestThroughAProxy(t *testing.T) {
	var asked atomic.Value
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Method + " " + r.Host)
		if r.Header.Get("Proxy-Authorization") == "" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		far, err := net.Dial("tcp", r.Host)
		if err != nil {
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
	}))
	defer proxy.Close()

	via := func(user *url.Userinfo) (*tlsServer, error) {
		u, err := url.Parse(proxy.URL)
		require.NoError(t, err)
		u.User = user
		s, c := secure(t, false, nil, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"projects":[]}`) })
		c.cfg.Transport.(*http.Transport).Proxy = http.ProxyURL(u)
		_, err = listProjects(t, c)
		return s, err
	}
	s, err := via(url.UserPassword("me", "fake-password"))
	require.NoError(t, err)
	require.Equal(t, "CONNECT "+strings.TrimPrefix(s.URL, "https://"), asked.Load())

	_, err = via(nil)
	require.ErrorIs(t, err, secret.ErrUnavailable)
	require.NotErrorIs(t, err, secret.ErrUnauthenticated)
}

func TestAProxysPasswordIsNotShown(t *testing.T) {
	_, c := secure(t, false, nil, noAnswer)
	c.cfg.Transport.(*http.Transport).Proxy = quietly(func(*http.Request) (*url.URL, error) {
		return nil, errors.New(`invalid proxy address "http://me:fake-password@%"`)
	})
	err := c.LogIn(t.Context())
	require.ErrorIs(t, err, secret.ErrUnavailable)
	require.ErrorContains(t, err, "HTTPS_PROXY")
	require.NotContains(t, err.Error(), "fake-password")
}
