package transport

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

const gatewayPass = "canary-gateway-pass"

func gatewayHeaders(t *testing.T) []Header {
	h, err := NewHeader("x-gateway", gatewayPass)
	require.NoError(t, err)
	require.Equal(t, "X-Gateway", h.Name())
	return []Header{h}
}

func TestHeadersThatAreNotForOthersToSet(t *testing.T) {
	for _, name := range []string{
		"Authorization", "authorization", "Host", "Content-Type", "content-length", "Content-Anything", "Transfer-Encoding", "Connection",
		"Accept", "Accept-Encoding", "User-Agent", "If-None-Match", "Proxy-Authorization", "Upgrade", "TE", "Expect", "Range",
	} {
		_, err := NewHeader(name, gatewayPass)
		require.ErrorIs(t, err, secret.ErrInvalid, name)
		require.NotContains(t, err.Error(), gatewayPass)
	}
	for name, value := range map[string]string{
		"": gatewayPass, "X Y": gatewayPass, "X:Y": gatewayPass, "X\r\nY": gatewayPass, "Ü": gatewayPass, "X-A": "", "X-B": gatewayPass + "\r\nAuthorization: x", "X-C": "\x00", "X-D": "\x7f",
	} {
		_, err := NewHeader(name, value)
		require.ErrorIs(t, err, secret.ErrInvalid, "%q", name)
		require.NotContains(t, err.Error(), gatewayPass)
	}
	for _, name := range []string{"Cookie", "CF-Access-Client-Id", "X-Forwarded-For", "#x"} {
		_, err := NewHeader(name, "a \t\"b\" ü")
		require.NoError(t, err, name)
	}
	h := gatewayHeaders(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		require.NotContains(t, fmt.Sprintf(verb, Config{Headers: h}), gatewayPass)
	}
}

// recording keeps the headers of each request that comes, by path.
type recording struct {
	sync.Mutex // guards seen
	seen       map[string]http.Header
}

func (r *recording) keep(q *http.Request) {
	r.Lock()
	defer r.Unlock()
	if r.seen == nil {
		r.seen = map[string]http.Header{}
	}
	r.seen[q.URL.Path] = q.Header.Clone()
}

// Logging in, asking and giving the token back carry the headers, and what is ours stays ours.
func TestEachRequestHasTheHeaders(t *testing.T) {
	var got recording
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.keep(r)
		io.WriteString(w, `{"accessToken":"fake-token","expiresIn":3600,"accessTokenMaxTTL":3600,"projects":[]}`)
	}))
	defer s.Close()
	c, err := New(Config{URL: s.URL, Source: byName{}, Headers: gatewayHeaders(t)})
	require.NoError(t, err)
	_, err = listProjects(t, c)
	require.NoError(t, err)

	require.Len(t, c.SetHeaders(nil), 1)
	_, err = listProjects(t, c)
	require.NoError(t, err)
	require.Empty(t, got.seen["/api/v1/projects"].Get("X-Gateway"))
	require.Empty(t, c.SetHeaders(gatewayHeaders(t)))
	_, err = listProjects(t, c)
	require.NoError(t, err)
	c.Close()
	for _, path := range []string{"/api/v1/auth/test/login", "/api/v1/projects", "/api/v1/auth/token/revoke"} {
		require.Equal(t, gatewayPass, got.seen[path].Get("X-Gateway"), path)
	}
	require.Equal(t, "Bearer fake-token", got.seen["/api/v1/projects"].Get("Authorization"))
	require.Equal(t, "infisicalfs", got.seen["/api/v1/projects"].Get("User-Agent"))
}

// elsewhere logs in at an address of its own.
type elsewhere struct {
	byName
	address string
}

func (e elsewhere) exchange() Request {
	return Request{Op: "log in", Method: http.MethodPost, Path: "/v1/auth/test/login", Address: e.address, Anonymous: true}
}

// Only the server's own machine gets the headers, at whatever port, and nobody that it names.
func TestHeadersGoToNobodyElse(t *testing.T) {
	answered := func(got *recording) *httptest.Server {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got.keep(r)
			io.WriteString(w, `{"accessToken":"fake-token"}`)
		}))
		s.Start()
		t.Cleanup(s.Close)
		return s
	}
	var other recording
	thief := answered(&other)
	byAnotherName := strings.Replace(thief.URL, "127.0.0.1", "localhost", 1)

	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, byAnotherName+"/stolen", http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	c, err := New(Config{URL: s.URL, Source: byName{}, Headers: gatewayHeaders(t)})
	require.NoError(t, err)
	defer c.Close()

	_, err = c.send(t.Context(), elsewhere{}.exchange(), secret.Value{}, c.cfg.Timeout)
	require.NoError(t, err)
	require.Empty(t, other.seen, "a redirect is not followed")

	_, err = c.send(t.Context(), elsewhere{address: byAnotherName}.exchange(), secret.Value{}, c.cfg.Timeout)
	require.NoError(t, err)
	require.Contains(t, other.seen, "/api/v1/auth/test/login")
	require.Empty(t, other.seen["/api/v1/auth/test/login"].Get("X-Gateway"), "another host")

	_, err = c.send(t.Context(), elsewhere{address: thief.URL}.exchange(), secret.Value{}, c.cfg.Timeout)
	require.NoError(t, err)
	require.Equal(t, gatewayPass, other.seen["/api/v1/auth/test/login"].Get("X-Gateway"), "another port of the host")

	c.base.Scheme = "https"
	plain, err := url.Parse(thief.URL)
	require.NoError(t, err)
	require.Empty(t, c.addHeaders(http.Header{}, *plain), "the same host, but anybody on the way could read it")
}

// A gateway that repeats what it got has its words withheld.
func TestAHeadersValueIsNotRepeated(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"error":"Forbidden %[1]s","message":"not with %[1]s","reqId":"%[1]s"}`, r.Header.Get("X-Gateway"))
	}))
	defer s.Close()
	c, err := New(Config{URL: s.URL, Source: byName{}, Headers: gatewayHeaders(t)})
	require.NoError(t, err)
	defer c.Close()
	err = c.LogIn(t.Context())
	require.ErrorIs(t, err, secret.ErrUnauthenticated)
	require.ErrorContains(t, err, withheld)
	require.NotContains(t, err.Error(), "canary")

	one, err := NewHeader("X-Hops", "1")
	require.NoError(t, err)
	c.SetHeaders([]Header{one})
	require.Empty(t, c.addHeaders(http.Header{}, *c.base), "what is in any words is no secret")
}
