package devserver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver/internal/fault"
)

func isStatus(r *http.Request) bool { return r.URL.Path == "/api/status" }

func TestFaultStatus(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	remove := c.s.Inject(fault.Fault{Match: isStatus, Status: 503, Header: http.Header{"Retry-After": {"7"}}, Body: "<html>"})
	r := c.do("GET", "/api/status", nil)
	require.Equal(t, 503, r.status)
	require.Equal(t, "<html>", r.text)
	require.Equal(t, "7", r.header.Get("Retry-After"))
	c.list().is(200, "")
	remove()
	remove()
	c.do("GET", "/api/status", nil).is(200, "")

	remove = c.s.Inject(fault.Fault{Status: 500, Match: func(r *http.Request) bool {
		body, _ := io.ReadAll(r.Body)
		return strings.Contains(string(body), "poison")
	}})
	c.s.Inject(fault.Fault{Times: 1, Status: 418, Match: func(r *http.Request) bool {
		body, _ := io.ReadAll(r.Body)
		return strings.Contains(string(body), "tea")
	}})
	c.do("POST", "/api/v4/secrets/X", c.write("secretValue", "poison")).is(500, "")
	c.do("POST", "/api/v4/secrets/X", c.write("secretValue", "tea")).is(418, "")
	c.do("POST", "/api/v4/secrets/X", c.write("secretValue", "tea")).secret()
	remove()

	c.s.Inject(fault.Fault{Match: isStatus, Times: 2, Status: 500})
	require.Equal(t, 500, c.do("GET", "/api/status", nil).status)
	require.Equal(t, 500, c.do("GET", "/api/status", nil).status)
	require.Equal(t, 200, c.do("GET", "/api/status", nil).status)
}

func TestFaultAfter(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	patch := c.request("PATCH", "/api/v4/secrets/GREETING", c.write("secretValue", "changed"))
	onPatch := func(r *http.Request) bool { return r.Method == "PATCH" }

	c.s.Inject(fault.Fault{Match: onPatch, Times: 1, Reset: true})
	_, err := (&http.Client{Transport: Transport(c.s)}).Do(patch)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.Equal(t, "hello, world", c.get("GREETING").secret()["secretValue"])

	c.s.Inject(fault.Fault{Match: onPatch, Times: 1, Reset: true, After: true})
	patch = c.request("PATCH", "/api/v4/secrets/GREETING", c.write("secretValue", "changed"))
	_, err = (&http.Client{Transport: Transport(c.s)}).Do(patch)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.Equal(t, "changed", c.get("GREETING").secret()["secretValue"], "the server acted")
}

func TestFaultDelayAndHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTester(t, Config{}, "admin")
		client := &http.Client{Transport: Transport(c.s)}
		c.s.Inject(fault.Fault{Match: isStatus, Times: 1, Delay: 5 * time.Second})
		start := time.Now()
		c.do("GET", "/api/status", nil).is(200, "")
		require.Equal(t, 5*time.Second, time.Since(start))

		ask := func(ctx context.Context) error {
			_, err := client.Do(c.request("GET", "/api/status", nil).WithContext(ctx))
			return err
		}
		remove := c.s.Inject(fault.Fault{Match: isStatus, Hang: true})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		require.ErrorIs(t, ask(ctx), context.DeadlineExceeded)

		result := make(chan error, 1)
		go func() { result <- ask(t.Context()) }()
		synctest.Wait()
		remove()
		require.ErrorIs(t, <-result, syscall.ECONNRESET)

		c.s.Inject(fault.Fault{Match: isStatus, Hang: true})
		go func() { result <- ask(t.Context()) }()
		synctest.Wait()
		c.s.Close()
		require.ErrorIs(t, <-result, syscall.ECONNRESET)
	})
}

func TestFaultTruncate(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	whole := c.do("GET", "/api/status", nil).text
	overSocket := httptest.NewServer(c.s)
	defer overSocket.Close()
	for name, client := range map[string]*http.Client{"memory": {Transport: Transport(c.s)}, "socket": overSocket.Client()} {
		remove := c.s.Inject(fault.Fault{Match: isStatus, Truncate: 10})
		resp, err := client.Get(overSocket.URL + "/api/status")
		require.NoError(t, err, name)
		require.EqualValues(t, len(whole), resp.ContentLength, name)
		data, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, name)
		require.Len(t, data, 10, name)
		remove()
	}
}

func TestFaultResetOverSocket(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	server := httptest.NewServer(c.s)
	defer server.Close()
	c.s.Inject(fault.Fault{Match: isStatus, Reset: true})
	_, err := server.Client().Post(server.URL+"/api/status", "application/json", strings.NewReader("{}"))
	require.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF), "%v", err)
}

func TestHangOverSocketEndsWithTheClient(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	server := httptest.NewServer(c.s)
	defer server.Close() // would block for ever if the handler did not return
	c.s.Inject(fault.Fault{Match: isStatus, Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/api/status", nil)
	require.NoError(t, err)
	_, err = server.Client().Do(req)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
