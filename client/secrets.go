package client

import (
	"context"
	"net/url"
	"strconv"
	"unicode/utf16"

	"infisicalfs/client/internal/jsonstream"
	"infisicalfs/client/internal/transport"
	"infisicalfs/client/internal/wire"
	"infisicalfs/secret"
)

// secretsAnswer is one answer to "list secrets", already merged.
type secretsAnswer struct {
	list        []secret.Secret // sorted, each name once, imports included
	imports     bool            // there are some, perhaps of nothing that is seen
	etag        string
	notModified bool
}

// listing is how to ask for secrets. Every flag is sent explicitly, because the
// servers' defaults changed over time.
type listing struct {
	recursive bool
	values    bool // false: names only
	expand    bool
	imports   bool
	shared    bool // without the user's personal overrides, whatever the configuration
	etag      string
	only      string // keep secrets of this name alone, in their wire form; empty: all
}

// listSecrets asks for the secrets of one folder, with what helps if the whole
// answer is refused for the sake of one secret (partial.go).
func (c *Client) listSecrets(ctx context.Context, at location, etag string) (secretsAnswer, error) {
	want := listing{values: true, expand: !c.cfg.RawReferences, imports: true, etag: etag}
	sent, tag, err := c.querySecrets(ctx, at, want)
	switch {
	case err != nil:
		list, err := c.listPartly(ctx, at, err)
		return secretsAnswer{list: list}, err
	case sent == nil:
		return secretsAnswer{etag: etag, notModified: true}, nil
	}
	return secretsAnswer{list: c.merge(at.dir, sent), imports: len(sent.Imports) > 0, etag: tag}, nil
}

// querySecrets sends the list request. The answer is nil if the server says
// that what carries the given tag is still right.
func (c *Client) querySecrets(ctx context.Context, at location, want listing) (*wire.SecretList, string, error) {
	if err := c.scoped(at.dir, want.recursive); err != nil {
		return nil, "", err
	}
	var found *wire.SecretList
	var etag string
	err := c.server.WithRoutes(ctx, func(ctx context.Context, routes transport.Routes) error {
		r := transport.Request{Op: "list secrets", Method: "GET", Path: "/v4/secrets", Class: "secret", Query: secretQuery(at, routes), ETag: want.etag}
		if routes == transport.Legacy {
			r.Path, r.Class = "/v3/secrets/raw", "v3/secrets"
		}
		r.Query.Set("recursive", strconv.FormatBool(want.recursive))
		c.setReading(r.Query, want)
		r.Decode = func(s *jsonstream.Scanner, h *jsonstream.Reservation) {
			found = wire.ReadSecrets(s, h, wire.Options{Recursive: want.recursive, Values: want.values, Only: want.only, MaxEntries: c.cfg.MaxSecrets})
		}
		answer, err := c.server.Do(ctx, r)
		if err != nil || answer.NotModified() {
			found = nil
			return err
		}
		etag = answer.ETag()
		return answer.Decoded()
	})
	if err != nil || found == nil {
		return nil, "", err
	}
	if c.noteGarbled(at, found) {
		etag = "" // it is asked for in full until it is whole
	}
	return found, etag, nil
}

// noteGarbled says what of an answer cannot be shown, and whether there is any.
func (c *Client) noteGarbled(at location, list *wire.SecretList) bool {
	if list.Garbled == 0 {
		return false
	}
	c.garbled.Add(int64(list.Garbled))
	c.log.Warn("the server's answer has secrets that cannot be read, because a name or value is not UTF-8 or cannot be",
		"in", at.dir.String(), "count", list.Garbled, "one", list.FirstGarbled)
	return true
}

// querySecret asks for one secret of a list by name, expanded and with imports.
// The name must be addressable. A missing route says nothing about the server's
// profile here, as it may be due to the name.
func (c *Client) querySecret(ctx context.Context, at location, s secret.Secret) (found wire.Secret, err error) {
	if err := c.scoped(at.dir, false); err != nil {
		return found, err
	}
	routes := c.server.Profile.Routes()
	r := transport.Request{Op: "get secret", Path: "/v4/secrets/" + url.PathEscape(s.Name), Class: "secret", Query: secretQuery(at, routes)}
	if routes == transport.Legacy {
		r.Path, r.Class = "/v3/secrets/raw/"+url.PathEscape(s.Name), "v3/secret"
	}
	c.setReading(r.Query, listing{values: true, expand: !c.cfg.RawReferences, imports: true})
	r.Query.Set("type", wire.Shared)
	if s.Personal {
		r.Query.Set("type", wire.Personal)
	}
	err = c.server.Get(ctx, r, transport.Under("secret", &found))
	return found, err
}

// addressable reports whether a route can carry the name of a single secret.
// Slashes and dots are path syntax to proxies, even escaped, nothing would be the
// list, and the servers' router takes a hundred UTF-16 units at most.
func addressable(name string) bool {
	return reachable(name) && len(utf16.Encode([]rune(name))) <= 100
}

func secretQuery(at location, routes transport.Routes) url.Values {
	q := url.Values{"environment": {at.dir.Env}, "secretPath": {at.dir.Path}}
	if routes == transport.Legacy {
		q.Set("workspaceId", at.projectID)
	} else {
		q.Set("projectId", at.projectID)
	}
	return q
}

func (c *Client) setReading(q url.Values, want listing) {
	q.Set("viewSecretValue", strconv.FormatBool(want.values))
	q.Set("expandSecretReferences", strconv.FormatBool(want.expand))
	q.Set("includeImports", strconv.FormatBool(want.imports)) // newest spelling
	q.Set("include_imports", strconv.FormatBool(want.imports))
	q.Set("includePersonalOverrides", strconv.FormatBool(!c.cfg.SharedOnly && !want.shared))
}
