package transport

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"infisicalfs/secret"
)

// baseURL turns what people write (with or without scheme, /api or a trailing
// slash) into the address below which all routes lie.
func baseURL(raw string, insecureHTTP bool) (*url.URL, error) {
	text := strings.TrimSpace(raw)
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if strings.Contains(text, "@") { // not quoted: there may be a password before it
		return nil, fmt.Errorf("the server address must be only scheme, host and path, without a user: %w", secret.ErrInvalid)
	}
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("%q is not a server address: %w", raw, secret.ErrInvalid)
	}
	if u.ForceQuery || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("the server address must be only scheme, host and path: %w", secret.ErrInvalid)
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme != "http":
		return nil, fmt.Errorf("the server address %q must begin with https://: %w", raw, secret.ErrInvalid)
	case !insecureHTTP && !isLoopback(u.Hostname()):
		return nil, fmt.Errorf("refusing to send credentials unencrypted to %s: use https:// or --insecure-http: %w", u.Host, secret.ErrInvalid)
	}
	u.Path = strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/api") + "/api"
	u.RawPath = ""
	return u, nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Address returns the address in use, without /api. It holds no credentials.
func (t *Transport) Address() string { return strings.TrimSuffix(t.base.String(), "/api") }
