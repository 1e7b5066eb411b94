package web

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTransport(t *testing.T) {
	client := &http.Client{Transport: Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.RequestURI+" "+r.Host+" "+string(body))
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "short and stout")
	}))}
	resp, err := client.Post("http://pot.invalid/a%2Fb?c=d", "text/plain", strings.NewReader("tea"))
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "short and stout", string(body))
	require.Equal(t, http.StatusTeapot, resp.StatusCode)
	require.EqualValues(t, len(body), resp.ContentLength)
	require.Equal(t, "/a%2Fb?c=d pot.invalid tea", resp.Header.Get("X-Seen"))
}

func TestTransportPassesPanicsOn(t *testing.T) {
	client := &http.Client{Transport: Transport(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("bug") }))}
	require.PanicsWithValue(t, "bug", func() { client.Get("http://x.invalid/") })
}

func TestTransportHonoursContexts(t *testing.T) {
	started, stopped := make(chan struct{}), make(chan struct{})
	client := &http.Client{Transport: Transport(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
		close(stopped)
	}))}
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", "http://x.invalid/", nil)
	require.NoError(t, err)
	go func() { <-started; cancel() }() // before that there would be no request
	_, err = client.Do(req)
	require.ErrorIs(t, err, context.Canceled)
	<-stopped
}
