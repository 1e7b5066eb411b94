package client

import (
	"cmp"
	"context"
	"crypto/x509"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"infisicalfs/client/internal/jsonstream"
	"infisicalfs/client/internal/transport"
	"infisicalfs/secret"
)

// DefaultMaxSecrets is how many entries an answer may have unless
// [Config.MaxSecrets] says otherwise.
const DefaultMaxSecrets = jsonstream.DefaultEntries

// Config says which server to talk to, as whom, and how long to wait.
// Fields left zero have the default that is named beside them.
type Config struct {
	URL          string // the site or its /api; default https://app.infisical.com
	InsecureHTTP bool   // accept http:// for hosts other than loopback
	Auth         Auth   // who logs in

	// Organization is asked for its projects where the server refuses an
	// identity the plain list (servers of 2024).
	Organization string
	// Projects are ids or slugs to show when listing projects is forbidden.
	Projects []string

	RawReferences bool // leave ${…} as stored instead of expanding it
	SharedOnly    bool // ignore the user's personal overrides

	// MaxSecrets bounds the entries of one answer, and with them the memory for it;
	// default [DefaultMaxSecrets].
	MaxSecrets int

	Timeout  time.Duration // hard deadline of one operation; default 10 s
	RateWait time.Duration // how long one operation may wait for the rate limit, on top; default 65 s, negative (duration.None): not at all

	// WriteWait is how long a change waits for the rate limit, instead of
	// RateWait; default 90 s.
	WriteWait time.Duration

	// Gate is where requests wait for the server's rate limit, which it counts by the
	// address that they come from: all clients of one server in one process should have
	// the same. Default: one of its own.
	Gate *Gate

	RootCAs   *x509.CertPool    // default: the system's
	Transport http.RoundTripper // for tests; default: TCP, with proxies from the environment
	UserAgent string            // default "infisicalfs"

	// Certificate is shown in each TLS handshake that asks for one, but for a login that
	// has a certificate of its own; nil: none.
	Certificate *ClientCertificate

	Headers []Header     // sent with each request, as a gateway in front of the server wants them
	Log     *slog.Logger // default: discarded
}

// Gate is shared by clients of the same server; see [Config.Gate].
type Gate = transport.Gate

// NewGate returns a gate for one server.
func NewGate() *Gate { return transport.NewGate() }

// Client is a connection to one server as one identity. It is safe for
// concurrent use. Close it at the end.
type Client struct {
	cfg    Config
	log    *slog.Logger
	server *transport.Transport

	garbled  atomic.Int64 // secrets in answers whose name or value could not be
	projects *projectTable
	slow     slowTrees
	scope    atomic.Pointer[serviceScope] // of a service token, nil for other log-ins
}

var _ secret.Upstream = (*Client)(nil)

// New makes a client. It does not talk to the server yet: [Client.Login] does.
// A Config that cannot work is an error wrapping [secret.ErrInvalid].
func New(cfg Config) (*Client, error) {
	cfg.MaxSecrets = cmp.Or(cfg.MaxSecrets, DefaultMaxSecrets)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	server, err := transport.New(transport.Config{
		URL: cfg.URL, InsecureHTTP: cfg.InsecureHTTP, Source: sourceOf(cfg.Auth), MaxEntries: cfg.MaxSecrets,
		Timeout: cfg.Timeout, RateWait: cfg.RateWait, WriteWait: cfg.WriteWait,
		Gate: cfg.Gate, RootCAs: cfg.RootCAs, Transport: cfg.Transport, UserAgent: cfg.UserAgent, Headers: cfg.Headers, Certificate: cfg.Certificate, Log: cfg.Log,
	})
	if err != nil {
		return nil, err
	}
	return &Client{cfg: cfg, log: cfg.Log, server: server, projects: newProjectTable()}, nil
}

// Server returns the address in use, without /api. It holds no credentials.
func (c *Client) Server() string { return c.server.Address() }

// MaxSecrets is how many secrets a folder may have.
func (c *Client) MaxSecrets() int { return c.cfg.MaxSecrets }

// Reconsider is for a person who wants to know now: the server is asked again even
// if it said that it wants to be left alone for longer.
func (c *Client) Reconsider() { c.server.Reopen() }

// Folder is [Client.Fetch] without anything known, which makes a Client a
// [secret.Source].
func (c *Client) Folder(ctx context.Context, dir secret.Dir, _ secret.Need) (*secret.Folder, error) {
	return c.Fetch(ctx, dir, nil)
}

// ClientCertificate is what a gateway in front of the server wants to see in each TLS
// handshake; see [LoadClientCertificate].
type ClientCertificate = transport.ClientCertificate

// LoadClientCertificate reads a client certificate with its chain, and its key, from files
// in PEM form. Their replacement is followed without a new client. A file that cannot be
// read is the error of [os.ReadFile]; what is no certificate with its key, or has ended, is
// [secret.ErrInvalid].
func LoadClientCertificate(certificate, key string) (*ClientCertificate, error) {
	return transport.LoadClientCertificate(certificate, key)
}

// Header is a header that a gateway in front of the server wants with each request. Its
// value is a secret. It goes to the server's own host only, a login at another port of it included.
type Header = transport.Header

// NewHeader returns a header. What is no name or value of a header, and a name that is
// for the client alone to set (Authorization, Host, Content-Type …), is an error wrapping
// [secret.ErrInvalid], without the value.
func NewHeader(name, value string) (Header, error) { return transport.NewHeader(name, value) }

// SetHeaders has all requests from now on carry other headers than those before, which
// are returned.
func (c *Client) SetHeaders(headers []Header) (before []Header) { return c.server.SetHeaders(headers) }

// LoadCertificates returns the system's certificate authorities and those in a
// PEM file. A file that cannot be read is the error of [os.ReadFile], one that holds
// no certificate [secret.ErrInvalid].
func LoadCertificates(file string) (*x509.CertPool, error) { return transport.LoadCertificates(file) }

// Stats is what a client tells about itself, as one JSON object: its requests, token
// and rate limit, and what it could not show. It holds no secret.
type Stats struct {
	transport.Stats
	Garbled int64 `json:"garbled"` // secrets in answers whose name or value could not be
}

// Logins counts attempts to log in, by what came of them.
type Logins = transport.Logins

// Stats returns the counts since the client was made.
func (c *Client) Stats() Stats { return Stats{c.server.Stats(), c.garbled.Load()} }
