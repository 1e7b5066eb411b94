package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"infisicalfs/secret"
)

// maxAnswer bounds what is read of one answer, in bytes. A folder is one answer
// and servers do not page, so it has to be generous.
const maxAnswer = 256 << 20

// request is one thing to ask, before it is sent.
type request struct {
	op        string // for errors, logs and counts: "list secrets"
	method    string
	path      string // below /api, escaped
	query     url.Values
	body      any    // sent as JSON; DELETE has one too
	class     string // which rate budget it draws on
	anonymous bool   // carries no token
	etag      string // sent as If-None-Match, with its quotes
}

// response is an answer that arrived whole.
type response struct {
	op     string
	status int
	header http.Header
	body   []byte
}

// send does one attempt. An error means that no sensible answer came; it wraps
// [secret.ErrUnavailable] or the context's error.
func (c *Client) send(ctx context.Context, r request, token secret.Value) (*response, error) {
	u := *c.base
	u.RawPath = u.EscapedPath() + r.path
	u.Path, _ = url.PathUnescape(u.RawPath)
	u.RawQuery = r.query.Encode()

	var body io.Reader
	if r.body != nil {
		text, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.op, secret.ErrInvalid)
		}
		body = bytes.NewReader(text)
	}
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
	if err != nil {
		return nil, transportError(ctx, r.op, c.base.Host, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, transportError(ctx, r.op, c.base.Host, err)
	case len(text) > maxAnswer:
		return nil, fmt.Errorf("%s: the answer is larger than %d MiB: %w", r.op, maxAnswer>>20, secret.ErrTooLarge)
	}
	return &response{op: r.op, status: answer.StatusCode, header: answer.Header, body: text}, nil
}
