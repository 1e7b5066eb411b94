package spiffe

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/credential/cloudtest"
	"infisicalfs/internal/exitcode"
)

func fetchFails(t *testing.T, r Request, code int, text string) {
	t.Helper()
	_, err := Fetch(context.Background(), r)
	require.ErrorContains(t, err, text)
	var coded *exitcode.Error
	require.ErrorAs(t, err, &coded)
	require.Equal(t, code, coded.Code)
	require.NotEmpty(t, coded.Hint)
}

func TestFetch(t *testing.T) {
	long := strings.Repeat("x", 3000)
	socket := (&cloudtest.Agent{Token: func(audience string) string { return audience + "." + long + ".c" }}).Serve(t)
	for _, address := range []string{socket, strings.TrimPrefix(socket, "unix://")} {
		token, err := Fetch(context.Background(), Request{Socket: address, Audience: "infisical"})
		require.NoError(t, err)
		require.Equal(t, "infisical."+long+".c", token.Reveal())
	}
	fetchFails(t, Request{Socket: socket, Audience: "infisical", ID: "spiffe://example.org/other"}, exitcode.Login, "no token of spiffe://example.org/other")
}

func TestRefusals(t *testing.T) {
	for code, exit := range map[int]int{7: exitcode.Login, 14: exitcode.Unreachable, 3: exitcode.Login} {
		fetchFails(t, Request{Socket: (&cloudtest.Agent{Code: code}).Serve(t), Audience: "a"}, exit, "no identity issued")
	}
	fetchFails(t, Request{Socket: filepath.Join(t.TempDir(), "s"), Audience: "a"}, exitcode.Unreachable, "no such file")
	for _, socket := range []string{"", "agent.sock", "http://127.0.0.1:1", "tcp://localhost:1", "unix://host/path", "tcp://127.0.0.1"} {
		fetchFails(t, Request{Socket: socket, Audience: "a"}, exitcode.Config, "begins neither")
	}
}

// What has a socket of HTTP is no agent.
func TestSomethingElseAnswers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Protocols: &protocols, Handler: http.NotFoundHandler()}
	go server.Serve(listener)
	defer server.Close()
	fetchFails(t, Request{Socket: path, Audience: "a"}, exitcode.Unreachable, "something else answers")
}

// An agent that takes the connection and says nothing costs three seconds. The time is
// real: a socket's is.
func TestSilence(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	fetchFails(t, Request{Socket: (&cloudtest.Agent{Silent: true}).Serve(t), Audience: "a"}, exitcode.Unreachable, "no answer in time (3s)")
	require.GreaterOrEqual(t, time.Since(begun), 3*time.Second)
}

// The end of whoever wanted the token is not waited for.
func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := Fetch(ctx, Request{Socket: "/nonexistent/s", Audience: "a"})
		require.ErrorIs(t, err, context.Canceled)
	})
}

// What makes no sense ends the message and nothing else.
func TestFields(t *testing.T) {
	for _, test := range []struct {
		name string
		in   string
		want []string
	}{
		{"numbers between", "\x08\x96\x01\x0a\x01a\x15\x00\x00\x00\x00\x11\x00\x00\x00\x00\x00\x00\x00\x00\x0a\x01b", []string{"a", "b"}},
		{"too long", "\x0a\x01a\x0a\x7fb", []string{"a"}},
		{"a length beyond all", "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01b", nil},
		{"groups", "\x0b\x0a\x01a", nil},
		{"cut", "\x0a", nil},
	} {
		var got []string
		for field, text := range fields([]byte(test.in)) {
			require.Equal(t, uint64(1), field)
			got = append(got, string(text))
		}
		require.Equal(t, test.want, got, test.name)
	}
}

func TestFrames(t *testing.T) {
	message, err := unframe(frame([]byte("text")))
	require.NoError(t, err)
	require.Equal(t, "text", string(message))
	for _, body := range []string{"", "\x00\x00\x00\x00", "\x01\x00\x00\x00\x00", "\x00\x00\x00\x00\x02a", "\x00\x00\x00\x00\x01ab"} {
		_, err := unframe([]byte(body))
		require.Error(t, err, "%q", body)
	}
}
