package transport

import (
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"infisicalfs/secret"
)

// Header is a header that a gateway in front of the server wants with each request. Its
// value may be what lets one through, so it is a secret. [NewHeader] makes it.
type Header struct {
	name  string
	value secret.Value
}

// Name is the header's name in its usual spelling, which is no secret.
func (h Header) Name() string { return h.name }

// NewHeader returns a header. What is no name or value of a header, and a name that is for
// the client alone to set, is an error wrapping [secret.ErrInvalid], without the value.
func NewHeader(name, value string) (Header, error) {
	switch {
	case !isToken(name): // and is not repeated: who knows what stands in its place
		return Header{}, fmt.Errorf("the name of a header has a character that no such name has, or none: %w", secret.ErrInvalid)
	case isOurs(name):
		return Header{}, fmt.Errorf("the header %s is for infisicalfs alone to set: %w", textproto.CanonicalMIMEHeaderKey(name), secret.ErrInvalid)
	case value == "" || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }):
		return Header{}, fmt.Errorf("the header %s has no value, or one with a control character: %w", textproto.CanonicalMIMEHeaderKey(name), secret.ErrInvalid)
	}
	return Header{textproto.CanonicalMIMEHeaderKey(name), secret.NewValue(value)}, nil
}

// isToken reports whether text has only the characters of a header's name.
func isToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(c rune) bool {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		return !letter && (c > 0x7e || !strings.ContainsRune("!#$%&'*+-.^_`|~", c))
	})
}

// isOurs reports whether a header says who asks, for what, or how it is carried, which is
// the client's own business and that of net/http.
func isOurs(name string) bool {
	name = strings.ToLower(name)
	for _, family := range []string{"content-", "accept", "if-", "proxy-"} {
		if strings.HasPrefix(name, family) {
			return true
		}
	}
	return slices.Contains([]string{
		"authorization", "host", "user-agent", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect", "range",
	}, name)
}

// SetHeaders has all requests from now on carry other headers than before, which are returned.
func (t *Transport) SetHeaders(headers []Header) (before []Header) {
	headers = slices.Clone(headers)
	if old := t.headers.Swap(&headers); old != nil {
		return *old
	}
	return nil
}

// addHeaders puts the gateway's headers into a request, and returns their values, which
// no answer is to repeat. A login that is sent elsewhere carries none of them.
func (t *Transport) addHeaders(to http.Header, address url.URL) (values []string) {
	headers := t.headers.Load()
	if headers == nil || !t.isServer(address) {
		return nil
	}
	for _, h := range *headers {
		value := h.value.Reveal()
		to.Set(h.name, value)
		if len(value) >= shortestSecret {
			values = append(values, value)
		}
	}
	return values
}

// shortestSecret is how many bytes a header's value has at least that is looked for in what a server
// says. A shorter one, such as "1", is in any words, and no secret.
const shortestSecret = 4

// isServer reports whether an address is of the server's own machine, and no less
// protected on the way there. The port may be another one.
func (t *Transport) isServer(address url.URL) bool {
	return strings.EqualFold(address.Hostname(), t.base.Hostname()) && (address.Scheme == "https" || t.base.Scheme != "https")
}
