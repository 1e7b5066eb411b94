// Package roundtrip sends one request and reads the whole answer, within bounds
// of time and size. It follows no redirect and repeats nothing: whoever asks for
// a credential says what it is sent to. It belongs to the packages beside it.
package roundtrip

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// maxBody is far more than any answer with a credential in it has.
const maxBody = 256 << 10

// ErrTimeout is what nobody answered in time.
var ErrTimeout = errors.New("no answer in time")

// Answer is an answer of any status. The body may be a credential.
type Answer struct {
	Status  int
	Header  http.Header
	Body    []byte
	Trailer http.Header // what followed the body
}

// String hides the body, so that an answer can be printed by accident.
func (a Answer) String() string { return fmt.Sprintf("status %d, %d bytes", a.Status, len(a.Body)) }

// GoString hides the body from %#v.
func (a Answer) GoString() string { return a.String() }

// Direct returns a transport for addresses of this machine and this cloud: no
// proxy of the environment is asked, and no connection is kept.
func Direct() *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{}).DialContext,
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// Web returns a transport for services on the internet: over TLS of at least version 1.2,
// by the proxy of the environment. It trusts roots, or the system's authorities if those
// are nil.
func Web(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    5 * time.Second,
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// Send sends r through rt and waits for the whole answer, for the given time at
// most. An error wraps [ErrTimeout] if that passed; the context's own end is an
// error as of [context.Cause]. Errors have no part of the request in them.
func Send(ctx context.Context, rt http.RoundTripper, r *http.Request, within time.Duration) (Answer, error) {
	bounded, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("%w (%s)", ErrTimeout, within))
	defer cancel()
	answer, err := send(rt, r.WithContext(bounded))
	if err != nil && bounded.Err() != nil {
		return Answer{}, context.Cause(bounded)
	}
	return answer, err
}

func send(rt http.RoundTripper, r *http.Request) (Answer, error) {
	response, err := rt.RoundTrip(r)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	switch {
	case err != nil:
		return Answer{}, err
	case len(body) > maxBody:
		return Answer{}, fmt.Errorf("the answer is longer than %d KiB", maxBody>>10)
	}
	return Answer{Status: response.StatusCode, Header: response.Header, Body: body, Trailer: response.Trailer}, nil
}

// Status is what a message says of an answer with that status: what the service has said goes
// with it, if it has said anything, and is made fit for a message.
func Status(code int, said string) string {
	return strings.TrimSpace(fmt.Sprintf("status %d %s", code, OneLine(said)))
}

// OneLine makes what a service says about a failure fit for a message: one line
// of printable characters, cut where it gets long.
func OneLine(text string) string {
	const most = 200
	line := make([]rune, 0, most)
	for _, c := range text {
		if len(line) == most {
			return string(line) + "…"
		}
		if c < ' ' || c == 0x7f {
			c = ' '
		}
		line = append(line, c)
	}
	return string(line)
}
