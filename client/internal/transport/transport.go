package transport

import (
	"cmp"
	"context"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"infisicalfs/client/internal/jsonstream"
	"infisicalfs/internal/duration"
)

// Config says which server to talk to, as whom, and within which bounds of time
// and memory. Fields left zero have the default that is named beside them.
type Config struct {
	URL          string      // the site or its /api; default https://app.infisical.com
	InsecureHTTP bool        // accept http:// for hosts other than loopback
	Source       TokenSource // who logs in; nil: every request that needs a token fails

	MaxEntries int // of one answer; default [jsonstream.DefaultEntries]

	Timeout   time.Duration // hard deadline of one operation; default 10 s
	RateWait  time.Duration // how long one operation may wait for the rate limit, on top; default 65 s, negative ([duration.None]): not at all
	WriteWait time.Duration // the same for a change; default 90 s

	Gate *Gate // shared by all transports to one server; default: one of its own

	RootCAs   *x509.CertPool    // default: the system's
	Transport http.RoundTripper // default: TCP, with proxies from the environment
	UserAgent string            // default "infisicalfs"

	Certificate *ClientCertificate // shown in each TLS handshake that asks for one; nil: none

	Headers []Header     // sent with each request to the server, see [Transport.SetHeaders]
	Log     *slog.Logger // default: discarded
}

// Transport carries requests to one server as one identity. It is safe for
// concurrent use. Close it at the end.
type Transport struct {
	cfg       Config
	base      *url.URL // ends in /api
	http      *http.Client
	log       *slog.Logger
	gate      *Gate
	maxAnswer int64 // bytes that are read of one
	memory    *jsonstream.Memory
	tokens    *tokens
	counts    counts
	headers   atomic.Pointer[[]Header]

	Profile ServerProfile // what has been found out about the server
}

// New makes a transport. It does not talk to the server yet: the first request
// does. A Config that cannot work is an error wrapping [secret.ErrInvalid].
func New(cfg Config) (*Transport, error) {
	base, err := baseURL(cmp.Or(cfg.URL, "https://app.infisical.com"), cfg.InsecureHTTP)
	if err != nil {
		return nil, err
	}
	cfg.Timeout = cmp.Or(cfg.Timeout, 10*time.Second)
	cfg.RateWait = duration.OrDefault(cfg.RateWait, 65*time.Second)
	cfg.WriteWait = cmp.Or(cfg.WriteWait, 90*time.Second)
	cfg.UserAgent = cmp.Or(cfg.UserAgent, "infisicalfs")
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Transport == nil {
		cfg.Transport = newRoundTripper(cfg.RootCAs, cfg.Certificate, cfg.Log)
	}
	memory := jsonstream.ForEntries(cfg.MaxEntries)
	t := &Transport{
		cfg:       cfg,
		base:      base,
		log:       cfg.Log,
		gate:      cmp.Or(cfg.Gate, NewGate()),
		memory:    memory,
		maxAnswer: memory.MaxRead(),
		http: &http.Client{
			Transport: timeoutTripper{cfg.Transport},
			// A redirect would carry the token to an address nobody configured.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	t.SetHeaders(cfg.Headers)
	t.tokens = newTokens(t, cfg.Source)
	return t, nil
}

// LogIn obtains a token now instead of at the first request.
func (t *Transport) LogIn(ctx context.Context) error {
	_, err := t.tokens.get(ctx)
	return err
}

// Become logs in with other credentials and goes on with what they give. What is
// being asked meanwhile is asked again with the new token if the old one no
// longer does. If it fails the transport stays as it was.
func (t *Transport) Become(ctx context.Context, source TokenSource) error {
	return t.tokens.become(ctx, source)
}

// Close gives back a token that was obtained by logging in, waiting two seconds at
// most, and closes the connections. What is asked for afterwards fails with
// [secret.ErrUnavailable].
func (t *Transport) Close() {
	t.tokens.revoke()
	t.http.CloseIdleConnections()
}

// Reopen lets the server be asked again even if it said that it wants to be left
// alone for longer.
func (t *Transport) Reopen() { t.gate.reopen() }

// Crowded reports whether others use much of the rate limit.
func (t *Transport) Crowded() bool { return t.gate.isCrowded() }
