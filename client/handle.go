package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"infisicalfs/client/internal/jsonstream"
	"infisicalfs/secret"
)

// model is one shape that a 2xx body may have: the object has key, and what is
// under it decodes into target. The empty key takes the whole body.
type model struct {
	key    string
	target any
}

// handle turns an answer into a result. Anything but 2xx is an [APIError]. Of
// the models, the first whose key the body has (with something other than null)
// is decoded, and its key returned; none of them is an error that names the
// keys. Without models the body is checked to be JSON and left for the caller
// as it is. A model with the empty key comes last or alone.
func (r *response) handle(models ...model) (key string, err error) {
	if r.status < 200 || r.status > 299 {
		return "", newAPIError(r)
	}
	if !json.Valid(r.body) {
		return "", r.notJSON()
	}
	if err := jsonstream.Check(r.body); err != nil {
		return "", fmt.Errorf("%s: the server's answer is damaged: %w: %w", r.op, err, secret.ErrUnavailable)
	}
	if len(models) == 0 {
		return "", nil
	}
	var object map[string]json.RawMessage // stays nil if the body is no object
	if models[0].key != "" {
		json.Unmarshal(r.body, &object)
		defer wipe(object)
	}
	keys := make([]string, 0, len(models))
	for _, m := range models {
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
	if len(models) == 1 && models[0].key == "" {
		return "", fmt.Errorf("%s: the server's answer is empty: %w", r.op, secret.ErrUnavailable)
	}
	return "", fmt.Errorf("%s: the server's answer has none of the expected keys (%s): %w", r.op, strings.Join(keys, ", "), secret.ErrUnavailable)
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

// notModified reports whether the server says that the caller's copy is good.
// To a request that named no copy that is no answer.
func (r *response) notModified() bool { return r.conditional && r.status == http.StatusNotModified }

// notJSON is the error for a body that no Infisical server sends: a proxy's
// page, or the wrong address. It never quotes the body.
func (r *response) notJSON() error {
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
