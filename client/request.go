package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"infisicalfs/client/internal/jsonstream"
	"infisicalfs/secret"
)

// request is one thing to ask, before it is sent.
type request struct {
	op        string // for errors, logs and counts: "list secrets"
	method    string
	path      string // below /api, escaped
	query     url.Values
	body      any    // sent as JSON; DELETE has one too
	sent      string // what of the body is secret, not to be repeated from an answer
	class     string // which rate budget it draws on
	anonymous bool   // carries no token
	etag      string // sent as If-None-Match, with its quotes

	// into reads a 2xx answer as it arrives; nil: it is kept as a whole. It is
	// called for each attempt, begins anew then, and keeps nothing if scan.err is
	// set at its end.
	into func(*jsonstream.Scanner, *jsonstream.Reservation)
}

// response is an answer that arrived whole.
type response struct {
	op          string
	status      int
	header      http.Header
	body        []byte // empty if it was read as it arrived
	fault       error  // why what was read as it arrived is not an answer
	conditional bool   // "not modified" would be about what the request's etag is of
	sent        string // the request's
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

// send does one attempt. The server has to begin its answer within patience; the rest
// of it may take as long as ctx allows. An error means that no answer came, or not all of it; it wraps
// [secret.ErrUnavailable], [secret.ErrTimeout], [secret.ErrTooLarge] or the
// cause of ctx's end.
func (c *Client) send(ctx context.Context, r request, token secret.Value, patience time.Duration) (*response, error) {
	u := *c.base
	u.RawPath = u.EscapedPath() + r.path
	u.Path, _ = url.PathUnescape(u.RawPath)
	u.RawQuery = r.query.Encode()

	var body io.Reader
	if r.body != nil {
		text, err := encode(r.body)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.op, secret.ErrInvalid)
		}
		body = bytes.NewReader(text)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(patience, func() {
		cancel(fmt.Errorf("no answer from %s within %s: %w", c.base.Host, patience, secret.ErrTimeout))
	})
	defer silence.Stop()
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.op, secret.ErrInvalid)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	if r.body != nil { // Fastify refuses the header on an empty body
		req.Header.Set("Content-Type", "application/json")
	}
	if r.etag != "" {
		req.Header.Set("If-None-Match", r.etag)
	}
	if !r.anonymous {
		req.Header.Set("Authorization", "Bearer "+token.Reveal())
	}

	answer, err := c.http.Do(req)
	silence.Stop()
	if err != nil {
		return nil, transportError(ctx, r.op, c.base.Host, err)
	}
	defer answer.Body.Close()
	got, err := c.receive(ctx, r, answer)
	if err != nil {
		return nil, err
	}
	return got, nil
}
