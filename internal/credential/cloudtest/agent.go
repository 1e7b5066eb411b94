package cloudtest

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Agent is an agent of SPIFFE on a socket of its own.
type Agent struct {
	Token  func(audience string) string // the text of the token
	Code   int                          // gRPC's code of a refusal; 0: none
	Silent bool                         // takes connections and never answers
}

// Serve begins to serve, and returns the address of the socket.
func (a *Agent) Serve(t testing.TB) string {
	path := filepath.Join(t.TempDir(), "agent.sock")
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	if a.Silent {
		t.Cleanup(func() { listener.Close() })
		return "unix://" + path
	}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: a, Protocols: &protocols}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return "unix://" + path
}

// ServeHTTP implements [http.Handler] for the one call that there is.
func (a *Agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	code, message, token := 0, "", ""
	body, err := io.ReadAll(r.Body)
	switch {
	case r.Header.Get("Workload.spiffe.io") != "true":
		code, message = 3, "security header missing from request"
	case a.Code != 0:
		code, message = a.Code, "no identity%20issued"
	case err != nil || r.URL.Path != "/SpiffeWorkloadAPI/FetchJWTSVID" || len(body) < 7 || int(binary.BigEndian.Uint32(body[1:])) != len(body)-5 || body[5] != 1<<3|2:
		code, message = 3, "no request"
	default:
		length, n := binary.Uvarint(body[6:])
		token = a.Token(string(body[6+n:][:length]))
	}
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
	if code == 0 {
		svid := text(text(nil, 1, "spiffe://example.org/workload"), 2, token)
		answer := text(nil, 1, string(svid))
		w.Write(append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(answer))), answer...))
	}
	w.Header().Set("Grpc-Status", strconv.Itoa(code))
	w.Header().Set("Grpc-Message", message)
}

// text appends a field of protocol buffers.
func text(b []byte, field byte, value string) []byte {
	b = append(b, field<<3|2)
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}
