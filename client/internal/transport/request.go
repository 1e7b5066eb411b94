package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"infisicalfs/client/internal/jsonstream"
	"infisicalfs/secret"
)

// Request is one thing to ask, before it is sent.
type Request struct {
	Op        string // for errors, logs and counts: "list secrets"
	Method    string
	Path      string // below /api, escaped
	Query     url.Values
	Body      any      // sent as JSON; DELETE has one too
	Secrets   []string // what of the body is secret, not to be repeated from an answer
	Class     string   // which rate budget it draws on
	Anonymous bool     // carries no token
	ETag      string   // sent as If-None-Match, with its quotes

	// Of a login that takes a way of its own; empty: as all requests.
	Through http.RoundTripper // carries it
	Address string            // of the server for it

	// Decode reads a 2xx answer as it arrives; nil: it is kept as a whole. It is
	// called for each attempt, begins anew then, and keeps nothing if its
	// scanner has failed at its end.
	Decode func(*jsonstream.Scanner, *jsonstream.Reservation)
}

// Response is an answer that arrived whole.
type Response struct {
	op          string
	status      int
	header      http.Header
	body        []byte   // empty if it was read as it arrived
	fault       error    // why what was read as it arrived is not an answer
	conditional bool     // "not modified" would be about what the request's etag is of
	sent        []string // the request's secrets
}

// encode renders a body. Markup characters stay as they are: escaping them for
// web pages would make six bytes of one and cost values their room.
func encode(body any) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	err := e.Encode(body)
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}

// send does one attempt. The server has to begin its answer within responseTimeout;
// the rest of it may take as long as ctx allows. An error means that no answer came,
// or not all of it; it wraps [secret.ErrUnavailable], [secret.ErrTimeout],
// [secret.ErrTooLarge] or the cause of ctx's end.
func (t *Transport) send(ctx context.Context, r Request, token secret.Value, responseTimeout time.Duration) (*Response, error) {
	u, carrier, err := t.way(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Op, err)
	}
	u.RawPath = u.EscapedPath() + r.Path
	u.Path, _ = url.PathUnescape(u.RawPath)
	u.RawQuery = r.Query.Encode()

	var body io.Reader
	if r.Body != nil {
		text, err := encode(r.Body)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Op, secret.ErrInvalid)
		}
		body = bytes.NewReader(text)
	}
	ctx = withResponseTimeout(ctx, responseTimeout)
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Op, secret.ErrInvalid)
	}
	r.Secrets = append(slices.Clip(r.Secrets), t.addHeaders(req.Header, u)...)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", t.cfg.UserAgent)
	if r.Body != nil { // Fastify refuses the header on an empty body
		req.Header.Set("Content-Type", "application/json")
	}
	if r.ETag != "" {
		req.Header.Set("If-None-Match", r.ETag)
	}
	if !r.Anonymous {
		req.Header.Set("Authorization", "Bearer "+token.Reveal())
	}

	answer, err := carrier.Do(req)
	if err != nil {
		return nil, transportError(ctx, r.Op, u.Host, err)
	}
	defer answer.Body.Close()
	got, err := t.receive(ctx, r, answer)
	if err != nil {
		return nil, err
	}
	return got, nil
}

// way is the address of a request, without its path, and what carries it there.
func (t *Transport) way(r Request) (url.URL, *http.Client, error) {
	address, carrier := t.base, t.http
	if r.Address != "" {
		var err error
		if address, err = baseURL(r.Address, t.cfg.InsecureHTTP); err != nil {
			return url.URL{}, nil, err
		}
	}
	if r.Through != nil {
		own := *t.http
		own.Transport = timeoutTripper{r.Through}
		carrier = &own
	}
	return *address, carrier, nil
}
