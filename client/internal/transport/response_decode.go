package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"infisicalfs/client/internal/jsonstream"
	"infisicalfs/secret"
)

// Shape is one shape that a 2xx body may have: the object has key, and what is
// under it decodes into target. The empty key takes the whole body.
type Shape struct {
	key    string
	target any
}

// Under is the shape whose target is the object's member of that name.
func Under(key string, target any) Shape { return Shape{key, target} }

// Whole is the shape whose target is the body itself.
func Whole(target any) Shape { return Shape{"", target} }

// Handle turns an answer into a result. Anything but 2xx is an [APIError]. Of
// the shapes, the first whose key the body has (with something other than null)
// is decoded, and its key returned; none of them is an error that names the
// keys. Without shapes the body is checked to be JSON and left for the caller
// as it is. A shape with the empty key comes last or alone.
func (r *Response) Handle(shapes ...Shape) (key string, err error) {
	if r.status < 200 || r.status > 299 {
		return "", newAPIError(r)
	}
	if !json.Valid(r.body) {
		return "", r.notJSON()
	}
	if err := jsonstream.Check(r.body); err != nil {
		return "", fmt.Errorf("%s: the server's answer is damaged: %w: %w", r.op, err, secret.ErrUnavailable)
	}
	if len(shapes) == 0 {
		return "", nil
	}
	var object map[string]json.RawMessage // stays nil if the body is no object
	if shapes[0].key != "" {
		json.Unmarshal(r.body, &object)
		defer wipe(object)
	}
	keys := make([]string, 0, len(shapes))
	for _, m := range shapes {
		text := json.RawMessage(bytes.TrimSpace(r.body))
		if m.key != "" {
			text = object[m.key]
		}
		if len(text) == 0 || string(text) == "null" { // null would decode into anything as nothing
			keys = append(keys, m.key)
			continue
		}
		if err := json.Unmarshal(text, m.target); err != nil {
			return "", fmt.Errorf("%s: the server's answer has an unexpected shape%s: %w", r.op, misfit(m.key, err), secret.ErrUnavailable)
		}
		return m.key, nil
	}
	if len(shapes) == 1 && shapes[0].key == "" {
		return "", fmt.Errorf("%s: the server's answer is empty: %w", r.op, secret.ErrUnavailable)
	}
	return "", fmt.Errorf("%s: %w (%s)", r.op, ErrNoKey, strings.Join(keys, ", "))
}

// ErrNoKey: the answer is a JSON object without what was asked for. It wraps
// [secret.ErrUnavailable].
var ErrNoKey = fmt.Errorf("the server's answer has none of the expected keys: %w", secret.ErrUnavailable)

// Identifier returns text of the answer if it can be the id or slug of something:
// short, of letters, digits, "-" and "_", and nothing of the request's secrets.
// Anything else is not shown to anybody, and is empty.
func (r *Response) Identifier(text string) string {
	odd := func(c rune) bool {
		return c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}
	repeats := func(sent string) bool {
		return text == sent || len(sent) > 3 && echoesPart(text, sent) // a shorter one is in most ids, and by chance
	}
	if len(text) > 64 || strings.IndexFunc(text, odd) >= 0 || slices.ContainsFunc(r.sent, repeats) {
		return ""
	}
	return text
}

// misfit says where an answer differs from its model, and never what stands
// there, which the decoder's own error may quote.
func misfit(key string, err error) string {
	where := ""
	if key != "" {
		where = fmt.Sprintf(" under %q", key)
	}
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return where
	}
	kind, _, _ := strings.Cut(wrong.Value, " ") // of numbers the rest is the number itself
	article := "a "
	if strings.HasPrefix(kind, "a") || strings.HasPrefix(kind, "o") {
		article = "an "
	}
	if wrong.Field == "" {
		return where + ", it is " + article + kind
	}
	return fmt.Sprintf("%s, the field %s is %s%s", where, wrong.Field, article, kind)
}

// wipe takes copies of what may be a value out of memory.
func wipe(object map[string]json.RawMessage) {
	for _, text := range object {
		clear(text)
	}
}

// NotModified reports whether the server says that the caller's copy is good.
// To a request that named no copy that is no answer.
func (r *Response) NotModified() bool { return r.conditional && r.status == http.StatusNotModified }

// notJSON is the error for a body that no Infisical server sends: a proxy's
// page, or the wrong address. It never quotes the body.
func (r *Response) notJSON() error {
	kind, _, _ := mime.ParseMediaType(r.header.Get("Content-Type"))
	if kind == "" {
		kind = "no content type"
	}
	return &AnswerError{Op: r.op, Status: r.status, ContentType: oneLine(kind)}
}

// AnswerError is an answer that does not come from an Infisical API: not JSON,
// or cut off. It wraps [secret.ErrUnavailable].
type AnswerError struct {
	Op          string
	Status      int
	ContentType string
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("%s: the server's answer is not JSON (status %d, %s)", e.Op, e.Status, e.ContentType)
}

func (e *AnswerError) Unwrap() error { return secret.ErrUnavailable }

// Status is the HTTP status.
func (r *Response) Status() int { return r.status }

// Wipe takes the body out of memory: there may be a value in it. Nothing can be
// read from r any more.
func (r *Response) Wipe() { clear(r.body) }

// Get sends a GET and handles its answer.
func (t *Transport) Get(ctx context.Context, r Request, shapes ...Shape) error {
	r.Method = http.MethodGet
	answer, err := t.Do(ctx, r)
	if err != nil {
		return err
	}
	_, err = answer.Handle(shapes...)
	answer.Wipe()
	return err
}
