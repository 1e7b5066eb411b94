package devserver

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Both ways in must look alike to a client.
func TestSocketAndMemoryAgree(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	server := httptest.NewServer(c.s)
	defer server.Close()
	for _, target := range []string{"/api/v4/secrets" + c.query(), "/api/v1/projects", "/api//v1", "/api/v4/secrets/a%2Fb" + c.query()} {
		want := c.do("GET", target, nil)
		req := c.request("GET", target, nil)
		req.URL.Host = strings.TrimPrefix(server.URL, "http://")
		resp, err := server.Client().Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		require.NoError(t, err)
		require.Equal(t, want.status, resp.StatusCode, target)
		if want.status == 200 {
			require.Equal(t, want.text, string(body), target)
			require.Equal(t, want.header.Get("Etag"), resp.Header.Get("Etag"))
		}
	}
}
