package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"infisicalfs/secret"
)

// model is one shape that a 2xx body may have: the object has key, and what is
// under it decodes into target. The empty key takes the whole body.
type model struct {
	key    string
	target any
}

// handle turns an answer into a result. Anything but 2xx is an [APIError]. Of
// the models, the first whose key the body has is decoded, and its key returned;
// none of them is an error that names the keys. Without models nothing is
// decoded and the body is only checked to be JSON.
func (r *response) handle(models ...model) (key string, err error) {
	if r.status < 200 || r.status > 299 {
		return "", newAPIError(r)
	}
	if !json.Valid(r.body) {
		return "", r.notJSON()
	}
	if len(models) == 0 {
		return "", nil
	}
	var object map[string]json.RawMessage
	isObject := json.Unmarshal(r.body, &object) == nil
	keys := make([]string, 0, len(models))
	for _, m := range models {
		text, found := json.RawMessage(r.body), m.key == ""
		if !found && isObject {
			text, found = object[m.key]
		}
		if !found {
			keys = append(keys, m.key)
			continue
		}
		if err := json.Unmarshal(text, m.target); err != nil {
			// The decoder's own error may quote what it stumbled over.
			return "", fmt.Errorf("%s: the server's answer has an unexpected shape under %q: %w", r.op, m.key, secret.ErrUnavailable)
		}
		return m.key, nil
	}
	return "", fmt.Errorf("%s: the server's answer has none of the expected keys (%s): %w", r.op, strings.Join(keys, ", "), secret.ErrUnavailable)
}

// notModified reports whether the server says that the caller's copy is good.
func (r *response) notModified() bool { return r.status == http.StatusNotModified }

// notJSON is the error for a body that no Infisical server sends: a proxy's
// page, or the wrong address. It never quotes the body.
func (r *response) notJSON() error {
	kind, _, _ := mime.ParseMediaType(r.header.Get("Content-Type"))
	if kind == "" {
		kind = "no content type"
	}
	return &AnswerError{Op: r.op, Status: r.status, ContentType: kind, html: bytes.HasPrefix(bytes.TrimSpace(r.body), []byte("<"))}
}

// AnswerError is an answer that does not come from an Infisical API: not JSON,
// or cut off. It wraps [secret.ErrUnavailable].
type AnswerError struct {
	Op          string
	Status      int
	ContentType string
	html        bool
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("%s: the server answered %d with %s instead of JSON", e.Op, e.Status, e.ContentType)
}

func (e *AnswerError) Unwrap() error { return secret.ErrUnavailable }
