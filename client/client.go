package client

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
	"infisicalfs/secret"
)

// DefaultMaxSecrets is how many entries an answer may have unless
// [Config.MaxSecrets] says otherwise.
const DefaultMaxSecrets = jsonstream.DefaultEntries

// Config says which server to talk to, as whom, and with how much patience.
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
	RateWait time.Duration // how long one operation may wait for the rate limit, on top; default 65 s, negative: not at all

	// WriteWait is how long a change waits for the rate limit, instead of
	// RateWait; default 90 s.
	WriteWait time.Duration

	RootCAs   *x509.CertPool    // default: the system's
	Transport http.RoundTripper // for tests; default: TCP, with proxies from the environment
	UserAgent string            // default "infisicalfs"
	Log       *slog.Logger      // default: discarded
}

// Client is a connection to one server as one identity. It is safe for
// concurrent use. Close it at the end.
type Client struct {
	cfg       Config
	base      *url.URL // ends in /api
	http      *http.Client
	log       *slog.Logger
	gate      *gate
	maxAnswer int64 // bytes that are read of one
	memory    *jsonstream.Memory
	tokens    *tokens
	counts    counts

	generation  generation
	strictNames atomic.Bool // the server has refused a name with a colon or a slash
	projects    *projectTable
	slow        slowTrees
}

var _ secret.Upstream = (*Client)(nil)

// New makes a client. It does not talk to the server yet: [Client.Login] does.
// A Config that cannot work is an error wrapping [secret.ErrInvalid].
func New(cfg Config) (*Client, error) {
	base, err := baseURL(cmp.Or(cfg.URL, "https://app.infisical.com"), cfg.InsecureHTTP)
	if err != nil {
		return nil, err
	}
	cfg.Timeout = cmp.Or(cfg.Timeout, 10*time.Second)
	cfg.RateWait = cmp.Or(cfg.RateWait, 65*time.Second)
	cfg.WriteWait = cmp.Or(cfg.WriteWait, 90*time.Second)
	cfg.MaxSecrets = cmp.Or(cfg.MaxSecrets, DefaultMaxSecrets)
	cfg.UserAgent = cmp.Or(cfg.UserAgent, "infisicalfs")
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Transport == nil {
		cfg.Transport = newTransport(cfg.RootCAs)
	}
	c := &Client{
		cfg:    cfg,
		base:   base,
		log:    cfg.Log,
		gate:   newGate(),
		memory: jsonstream.ForEntries(cfg.MaxSecrets),
		http: &http.Client{
			Transport: cfg.Transport,
			// A redirect would carry the token to an address nobody configured.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	c.maxAnswer = c.memory.MaxRead()
	c.tokens, c.projects = newTokens(c, cfg.Auth), newProjectTable()
	return c, nil
}

// Login obtains a token now instead of at the first request, so that a caller
// can tell bad credentials before it goes on. Errors wrap
// [secret.ErrUnauthenticated], [secret.ErrUnavailable], [secret.ErrTimeout] or
// [secret.ErrRateLimited].
func (c *Client) Login(ctx context.Context) error {
	ctx, end := c.begin(ctx)
	defer end()
	_, err := c.tokens.get(ctx)
	return deadlineError(ctx, "log in", err)
}

// Close gives back a token that this client obtained by logging in, waiting two
// seconds at most, and closes the connections. What is asked for afterwards
// fails with [secret.ErrUnavailable].
func (c *Client) Close() error {
	c.tokens.revoke()
	c.http.CloseIdleConnections()
	return nil
}

// MaxSecrets is how many secrets a folder may have.
func (c *Client) MaxSecrets() int { return c.cfg.MaxSecrets }

// Reconsider is for a person who wants to know now: the server is asked again even
// if it said that it wants to be left alone for longer.
func (c *Client) Reconsider() { c.gate.reopen() }

// Folder is [Client.Fetch] without anything known, which makes a Client a
// [secret.Source].
func (c *Client) Folder(ctx context.Context, dir secret.Dir, _ secret.Need) (*secret.Folder, error) {
	return c.Fetch(ctx, dir, nil)
}
