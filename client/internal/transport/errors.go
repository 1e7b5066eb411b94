package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"infisicalfs/secret"
)

// APIError is a refusal by the server, in its own words. It wraps the sentinel
// of package secret that says what the refusal means.
type APIError struct {
	Op        string // what was asked: "list secrets"
	Status    int    // HTTP status
	Name      string // the body's "error", an open set: "PermissionDenied", "TokenError" …
	Message   string // the body's "message", one line; for validation failures with the fields and what is wrong with them
	RequestID string // the body's "reqId", to look up in the server's log; old servers send none

	kind error
}

func (e *APIError) Error() string {
	text := fmt.Sprintf("%s: the server says %d", e.Op, e.Status)
	if e.Name != "" {
		text += " " + e.Name
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

func (e *APIError) Unwrap() error { return e.kind }

// ErrNoRoute: the server does not know the route at all, as opposed to the
// thing that was asked for.
var ErrNoRoute = fmt.Errorf("the server does not have this route: %w", secret.ErrUnavailable)

// Reclassify returns a copy of a refusal whose meaning is another sentinel.
func Reclassify(e *APIError, kind error) *APIError {
	whole := *e
	whole.kind = kind
	return &whole
}

func newAPIError(r *Response) error {
	var body struct {
		Message json.RawMessage `json:"message"`
		Name    string          `json:"error"`
		ReqID   string          `json:"reqId"`
		Fields  json.RawMessage `json:"fieldErrors"`
	}
	if json.Unmarshal(r.body, &body) != nil {
		// Some servers of 2024 answer unknown routes with the web page's HTML.
		if r.status == http.StatusNotFound && bytes.HasPrefix(bytes.TrimSpace(r.body), []byte("<")) {
			return fmt.Errorf("%w: %w", r.notJSON(), ErrNoRoute)
		}
		return r.notJSON()
	}
	e := &APIError{Op: r.op, Status: r.status, Name: oneLine(body.Name), Message: message(body.Message, body.Fields), RequestID: oneLine(body.ReqID)}
	if e.kind = oldKind(e); e.kind == nil {
		e.kind = kindOf(r, body.Name)
	}
	if e.kind == secret.ErrNotFound && noServiceToken(e.Message) {
		e.kind = secret.ErrUnauthenticated
	}
	for _, words := range []*string{&e.Message, &e.Name, &e.RequestID} {
		if echoes(*words, r.sent) {
			*words = withheld
		}
	}
	return e
}

// noServiceToken recognises that what is not found is the service token that asks, as
// when somebody has deleted it, and not what it has asked for.
func noServiceToken(message string) bool {
	text := strings.ToLower(message)
	return strings.HasPrefix(text, "service token") && strings.Contains(text, "not found")
}

// kindOf decides by the body's "error" first, because the statuses moved
// between server versions, and by the status second.
func kindOf(r *Response, name string) error {
	switch name {
	case "TokenError", "UnauthorizedError", "Unauthorized access":
		return secret.ErrUnauthenticated
	case "PermissionDenied", "ForbiddenError", "ForbiddenRequestError", "PolicyViolationError":
		return secret.ErrDenied
	case "ValidationFailure":
		return secret.ErrInvalid
	case "Not Found": // with a space: the framework's own, not the application's
		return ErrNoRoute
	}
	switch s := r.status; {
	case isRateLimited(r):
		return secret.ErrRateLimited
	case isCollision(r):
		return secret.ErrUnavailable
	case s == http.StatusUnauthorized:
		return secret.ErrUnauthenticated
	case s == http.StatusForbidden:
		return secret.ErrDenied
	case s == http.StatusNotFound, s == http.StatusGone:
		if name == "" { // a gateway's: the application always names the error
			return secret.ErrUnavailable
		}
		return secret.ErrNotFound
	case s == http.StatusProxyAuthRequired, s == http.StatusRequestTimeout, s == http.StatusMisdirectedRequest:
		return secret.ErrUnavailable
	case s == http.StatusConflict:
		return secret.ErrExists
	case s == http.StatusRequestEntityTooLarge:
		return secret.ErrTooLarge
	case s >= 400 && s < 500:
		return secret.ErrInvalid
	default:
		return secret.ErrUnavailable
	}
}

// message accepts the forms of "message": a string, or for validation failures
// an array of issues, of which only path and text are kept. The backend in Go says
// in a string that something is wrong, and what in a field of its own.
func message(raw, fields json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		var wrong []struct{ Field, Message string }
		json.Unmarshal(fields, &wrong) // without it the text has to do
		var parts []string
		for _, w := range wrong {
			parts = append(parts, w.Field+": "+w.Message)
		}
		if len(parts) > 0 {
			text += ": " + strings.Join(parts, "; ")
		}
		return oneLine(text)
	}
	var issues []struct {
		Path    []any  `json:"path"`
		Message string `json:"message"`
	}
	if json.Unmarshal(raw, &issues) != nil {
		return ""
	}
	var parts []string
	for _, issue := range issues {
		parts = append(parts, fmt.Sprint(issue.Path...)+": "+issue.Message)
	}
	return oneLine(strings.Join(parts, "; "))
}

// oneLine makes foreign text fit for a log line and a terminal.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) { // control characters, and those that turn the direction of text
			return ' '
		}
		return r
	}, s)
	const most = 300
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// transportError says that no answer came. The caller's own end is passed on as
// it is, so that an interrupted call is not taken for an outage.
func transportError(ctx context.Context, op, host string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%s: %w", op, cause)
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) { // its text repeats the whole URL
		err = wrapped.Err
	}
	if errors.Is(err, secret.ErrTimeout) { // from timeoutTripper
		return fmt.Errorf("%s: %w", op, err)
	}
	kind := secret.ErrUnavailable
	if RefusedByPeer(err) {
		kind = ErrAlert
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		kind = secret.ErrTimeout
	}
	return fmt.Errorf("%s: cannot reach %s: %w: %w", op, host, err, kind)
}

// withheld stands for words of a server that repeat what they were sent.
const withheld = "(its words repeat what was sent and are left out)"

// revealingLength is how many bytes of a secret in a row are too many to be seen, unless
// the whole secret is shorter.
const revealingLength = 8

// echoes reports whether words of a server have a part of one of the secrets in them.
func echoes(words string, sent []string) bool {
	return slices.ContainsFunc(sent, func(text string) bool { return echoesPart(words, text) })
}

func echoesPart(words, sent string) bool {
	if len(sent) <= revealingLength {
		return sent != "" && strings.Contains(words, sent)
	}
	for i := 0; i+revealingLength <= len(words); i++ {
		if strings.Contains(sent, words[i:i+revealingLength]) {
			return true
		}
	}
	return false
}
