package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"infisicalfs/client/internal/jsonstream"
	"infisicalfs/secret"
)

// receive reads an answer: as it arrives if the request says how, else as a whole.
func (t *Transport) receive(ctx context.Context, r Request, answer *http.Response) (*Response, error) {
	got := &Response{op: r.Op, status: answer.StatusCode, header: answer.Header, conditional: matchesETag(answer.Header, r.ETag), sent: r.Secrets}
	switch {
	case got.status < 200 || got.status > 299:
		return got, t.receiveRefusal(ctx, answer.Body, got)
	case r.Decode != nil:
		return got, t.receiveStream(ctx, r, answer.Body, got)
	}
	most := min(t.maxAnswer, maxSmallAnswer)
	text, err := readWhole(io.LimitReader(answer.Body, most+1))
	switch {
	case err != nil:
		return nil, transportError(ctx, r.Op, t.base.Host, err)
	case int64(len(text)) > most:
		return nil, t.tooLarge(r.Op, most)
	}
	got.body = text
	return got, nil
}

func (t *Transport) tooLarge(op string, most int64) error {
	return fmt.Errorf("%s: the server's answer is larger than %d MiB: %w", op, most>>20, secret.ErrTooLarge)
}

// readWhole is io.ReadAll, but for the copies that it would leave behind: there may
// be a value in what is read.
func readWhole(in io.Reader) ([]byte, error) {
	text := make([]byte, 0, 4<<10)
	for {
		if len(text) == cap(text) {
			larger := make([]byte, len(text), 2*cap(text))
			copy(larger, text)
			clear(text)
			text = larger
		}
		n, err := in.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		switch err {
		case nil:
		case io.EOF:
			return text, nil
		default:
			clear(text)
			return nil, err
		}
	}
}

// maxSmallAnswer bounds the bytes of an answer that is read as a whole: about a
// single secret, of a megabyte with six bytes for each if all are escaped, or
// about projects.
const maxSmallAnswer = 16 << 20

// maxRefusal is far more than the words that a server has for a refusal; of a
// page that a proxy sends in its place the rest is not looked at.
const maxRefusal = 1 << 20

func (t *Transport) receiveRefusal(ctx context.Context, body io.Reader, got *Response) (err error) {
	if got.body, err = io.ReadAll(io.LimitReader(body, maxRefusal)); err != nil {
		return transportError(ctx, got.op, t.base.Host, err)
	}
	return nil
}

// receiveStream reads an answer as it arrives. That it is not what was asked for
// is told by [Response.Decoded]; an error means that it did not arrive, or is
// too large.
func (t *Transport) receiveStream(ctx context.Context, r Request, body io.Reader, got *Response) error {
	s, h := jsonstream.New(body, t.maxAnswer), t.memory.Reserve(ctx)
	r.Decode(s, h)
	s.Wipe()
	h.End(s.Err() != nil)
	var broken jsonstream.ReadError
	var shape jsonstream.ShapeError
	switch err := s.Err(); {
	case err == nil:
	case errors.As(err, &broken):
		return transportError(ctx, r.Op, t.base.Host, broken.Unwrap())
	case errors.As(err, &shape):
		got.fault = fmt.Errorf("%s: the server's answer has an unexpected shape: %w: %w", r.Op, err, secret.ErrUnavailable)
	case errors.Is(err, jsonstream.ErrNotJSON):
		got.fault = got.notJSON()
	case errors.Is(err, jsonstream.ErrTooMuch):
		return t.tooLarge(r.Op, t.maxAnswer)
	default:
		return fmt.Errorf("%s: %w", r.Op, err)
	}
	return nil
}

// Decoded is what [Response.Handle] is for an answer that was read as it arrived.
func (r *Response) Decoded() error {
	if r.status < 200 || r.status > 299 {
		return newAPIError(r)
	}
	return r.fault
}

// maxETag is more than any server's ETag has. A longer one would only be a burden
// on each request that carries it, and may be too long for one.
const maxETag = 256

// ETag returns the answer's ETag, with its quotes; empty if there is none that
// could be sent back.
func (r *Response) ETag() string {
	tag := r.header.Get("ETag")
	if len(tag) > maxETag || strings.ContainsFunc(tag, func(c rune) bool { return c < ' ' || c > '~' }) {
		return ""
	}
	return tag
}

// matchesETag reports whether a "not modified" with this header is about what
// carries the tag that was sent. A proxy that compresses may make the tag weak,
// mark it or leave it away; another tag is about something else.
func matchesETag(h http.Header, sent string) bool {
	told := h.Get("ETag")
	return sent != "" && (told == "" || withoutMarks(told) == withoutMarks(sent))
}

// withoutMarks takes away what proxies that compress add to a tag.
func withoutMarks(tag string) string {
	tag = strings.Trim(strings.TrimPrefix(tag, "W/"), `"`)
	for _, mark := range []string{"-gzip", "-br", "-zstd", ";gzip", ";br"} {
		tag = strings.TrimSuffix(tag, mark)
	}
	return tag
}
