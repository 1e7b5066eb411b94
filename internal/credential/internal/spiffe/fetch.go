package spiffe

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"infisicalfs/internal/credential/internal/roundtrip"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// wait is how long an agent may take.
const wait = 3 * time.Second

// Variable names the agent's socket, as all of SPIFFE's tools know it.
const Variable = "SPIFFE_ENDPOINT_SOCKET"

const startHint = "see whether the agent runs (spire-agent), and where its socket is"

// Request says which token is wanted.
type Request struct {
	Socket   string // unix:///path, tcp://number:port or a path; as in [Variable]
	Audience string
	ID       string // spiffe://…; empty: the first that the workload has
}

// Fetch asks the agent for a token. Errors are an [exitcode.Error].
func Fetch(ctx context.Context, request Request) (secret.Value, error) {
	network, address, err := endpoint(request.Socket)
	if err != nil {
		return secret.Value{}, exitcode.Errorf(exitcode.Config, "write it as unix:///run/spire/agent.sock", "the socket of the SPIFFE agent: %w", err)
	}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	defer transport.CloseIdleConnections()

	r, err := http.NewRequest(http.MethodPost, "http://localhost/SpiffeWorkloadAPI/FetchJWTSVID", bytes.NewReader(frame(request.message())))
	if err != nil {
		return secret.Value{}, err
	}
	r.Header = http.Header{
		"Content-Type":       {"application/grpc"},
		"Te":                 {"trailers"},
		"Workload.spiffe.io": {"true"}, // shows that nobody was tricked into the call
	}
	answer, err := roundtrip.Send(ctx, transport, r, wait)
	if err != nil {
		return secret.Value{}, exitcode.Errorf(exitcode.Unreachable, startHint, "the SPIFFE agent at %s: %w", address, err)
	}
	if err := status(answer); err != nil {
		return secret.Value{}, err
	}
	return pick(answer.Body, request.ID)
}

// endpoint reads the address of a socket.
func endpoint(text string) (network, address string, err error) {
	if filepath.IsAbs(text) {
		return "unix", text, nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", "", errors.New("it is no address")
	case u.Scheme == "unix" && u.Host == "" && cmp.Or(u.Path, u.Opaque) != "":
		return "unix", cmp.Or(u.Path, u.Opaque), nil
	case u.Scheme == "tcp" && net.ParseIP(u.Hostname()) != nil && u.Port() != "" && strings.Trim(u.Path, "/") == "":
		return "tcp", u.Host, nil
	}
	return "", "", errors.New("it begins neither with unix:/// nor with tcp:// and a number")
}

// status reads gRPC's status, which is in the trailers, or in the headers if there is no
// body.
func status(answer roundtrip.Answer) error {
	code := cmp.Or(answer.Trailer.Get("Grpc-Status"), answer.Header.Get("Grpc-Status"))
	message, err := url.PathUnescape(cmp.Or(answer.Trailer.Get("Grpc-Message"), answer.Header.Get("Grpc-Message")))
	if err != nil {
		message = ""
	}
	message = roundtrip.OneLine(message)
	switch code {
	case "0":
		return nil
	case "":
		return exitcode.Errorf(exitcode.Unreachable, startHint, "the SPIFFE agent: something else answers at its socket (status %d)", answer.Status)
	case "7": // PermissionDenied
		return exitcode.Errorf(exitcode.Login, "register the workload with the server of SPIFFE", "the SPIFFE agent has no identity for this process: %s", message)
	case "14": // Unavailable
		return exitcode.Errorf(exitcode.Unreachable, "try again later", "the SPIFFE agent cannot answer now: %s", message)
	}
	return exitcode.Errorf(exitcode.Login, "see what the agent logs", "the SPIFFE agent refuses: code %s: %s", code, message)
}

// pick finds a token in the answer.
func pick(body []byte, id string) (secret.Value, error) {
	message, err := unframe(body)
	if err != nil {
		return secret.Value{}, exitcode.Errorf(exitcode.Unreachable, startHint, "the SPIFFE agent's answer: %w", err)
	}
	var others []string
	for field, text := range fields(message) {
		if field != answerTokens {
			continue
		}
		var name, token string
		for field, text := range fields(text) {
			switch field {
			case tokenID:
				name = string(text)
			case tokenText:
				token = string(text)
			}
		}
		if token != "" && (id == "" || id == name) {
			return secret.NewValue(token), nil
		}
		others = append(others, name)
	}
	if len(others) == 0 {
		return secret.Value{}, exitcode.Errorf(exitcode.Login, "register the workload with the server of SPIFFE", "the SPIFFE agent has no token for this process")
	}
	return secret.Value{}, exitcode.Errorf(exitcode.Login, "name one of: "+roundtrip.OneLine(strings.Join(others, ", ")), "the SPIFFE agent has no token of %s for this process", id)
}

// frame puts gRPC's head before a message: not compressed, and its length.
func frame(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

// unframe returns the one message of a body.
func unframe(body []byte) ([]byte, error) {
	if len(body) < 5 || body[0] != 0 {
		return nil, errors.New("no message")
	}
	if length := binary.BigEndian.Uint32(body[1:5]); uint64(length) != uint64(len(body)-5) {
		return nil, fmt.Errorf("a message of %d bytes in %d", length, len(body)-5)
	}
	return body[5:], nil
}
