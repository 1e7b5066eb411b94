package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"infisicalfs/secret"
)

// projectTable translates slugs, which people see, to ids, which routes want.
type projectTable struct {
	// noPlainList: the server refuses this identity the plain list; the
	// organisation's is asked for straight away.
	noPlainList atomic.Bool

	mu     sync.Mutex // guards bySlug
	bySlug map[string]wireProject
}

func (t *projectTable) get(slug string) (wireProject, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p, ok := t.bySlug[slug]
	return p, ok
}

// add remembers projects. Those that were looked up one by one and are
// that a later list lacks are kept: a list holds memberships only.
func (t *projectTable) add(list ...wireProject) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bySlug == nil {
		t.bySlug = map[string]wireProject{}
	}
	for _, p := range list {
		t.bySlug[p.Slug] = p
	}
}

// Project returns the slug of the project that has this id or slug. A project
// that the server does not list and does not give out by id or slug is
// [secret.ErrNotFound] or [secret.ErrDenied], as the server says.
func (c *Client) Project(ctx context.Context, idOrSlug string) (string, error) {
	ctx, end := c.begin(ctx)
	defer end()
	p, err := c.project(ctx, idOrSlug)
	return p.Slug, deadlineError(ctx, "find project "+idOrSlug, err)
}

// project finds a project in the table, in the list, or alone.
func (c *Client) project(ctx context.Context, idOrSlug string) (wireProject, error) {
	if p, ok := c.projects.get(idOrSlug); ok {
		return p, nil
	}
	list, err := c.listProjects(ctx)
	switch {
	case err == nil:
		for _, p := range list {
			if p.Slug == idOrSlug || p.ID == idOrSlug {
				return p, nil
			}
		}
		return wireProject{}, fmt.Errorf("the server lists no project %q for this identity: %w", idOrSlug, secret.ErrNotFound)
	case errors.Is(err, secret.ErrDenied):
		return c.getProject(ctx, idOrSlug)
	default:
		return wireProject{}, err
	}
}

// listProjects asks for the projects of the identity in the ways that servers
// of different ages allow: the current list; the old one, which servers before
// mid-2025 refuse to identities; the organisation's, whose id a token may name;
// and at last the configured projects one by one. [secret.ErrDenied] means that
// none of them is allowed.
func (c *Client) listProjects(ctx context.Context) ([]wireProject, error) {
	var list []wireProject
	var err error
	if c.projects.noPlainList.Load() {
		list, err = c.listOrganization(ctx)
	} else if list, err = c.listPlainly(ctx); refused(err) && c.organization() != "" {
		c.projects.noPlainList.Store(true)
		list, err = c.listOrganization(ctx)
	}
	if refused(err) && len(c.cfg.Projects) > 0 {
		list, err = nil, nil
		for _, name := range c.cfg.Projects {
			p, e := c.getProject(ctx, name)
			if e != nil {
				return nil, e
			}
			list = append(list, p)
		}
	}
	if refused(err) {
		return nil, fmt.Errorf("%w: %w", err, secret.ErrDenied)
	}
	if err != nil {
		return nil, err
	}
	c.projects.add(list...)
	return list, nil
}

func (c *Client) listPlainly(ctx context.Context) (list []wireProject, err error) {
	err = c.withRoutes(ctx, func(ctx context.Context, routes api) error {
		r := request{op: "list projects", path: "/v1/projects", class: "read"}
		if routes == legacy {
			r.path = "/v1/workspace"
		}
		return c.get(ctx, r, model{"projects", &list}, model{"workspaces", &list})
	})
	return list, err
}

func (c *Client) listOrganization(ctx context.Context) (list []wireProject, err error) {
	path := "/v2/organizations/" + url.PathEscape(c.organization()) + "/workspaces"
	err = c.get(ctx, request{op: "list projects", path: path, class: "read"}, model{"workspaces", &list})
	return list, err
}

// refused reports whether the server understood the question and will not
// answer it to this identity. Old servers say so with 400, 401 and 403 and
// names of their own, which the replay after a new login has made certain.
func refused(err error) bool {
	var refusal *APIError
	return errors.As(err, &refusal) && (refusal.Status == http.StatusBadRequest ||
		refusal.Status == http.StatusUnauthorized || refusal.Status == http.StatusForbidden)
}

// getProject asks for one project by id or by slug.
func (c *Client) getProject(ctx context.Context, idOrSlug string) (wireProject, error) {
	var p wireProject
	err := c.withRoutes(ctx, func(ctx context.Context, routes api) error {
		paths := map[api][2]string{
			current: {"/v1/projects/", "/v1/projects/slug/"},
			legacy:  {"/v1/workspace/", "/v2/workspace/"},
		}[routes]
		path := paths[1]
		if looksLikeID(idOrSlug) {
			path = paths[0]
		}
		return c.get(ctx, request{
			op: "get project", path: path + url.PathEscape(idOrSlug), class: "read",
		}, model{"project", &p}, model{"workspace", &p}, model{"", &p})
	})
	if err != nil {
		return wireProject{}, err
	}
	if p.ID == "" || p.Slug == "" {
		return wireProject{}, fmt.Errorf("get project: the server's answer has no id or slug: %w", secret.ErrUnavailable)
	}
	c.projects.add(p)
	return p, nil
}

// looksLikeID tells a UUID from a slug, which has at most 36 characters too but
// not these.
func looksLikeID(s string) bool {
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' &&
		strings.Trim(strings.ToLower(s), "0123456789abcdef-") == ""
}

// organization is the configured organisation or the one that the token names
// (tokens of current servers do).
func (c *Client) organization() string {
	if c.cfg.Organization != "" {
		return c.cfg.Organization
	}
	value, ok := c.tokens.usable()
	if !ok {
		return ""
	}
	_, rest, _ := strings.Cut(value.Reveal(), ".")
	payload, _, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	var claims struct {
		OrgID string `json:"orgId"`
	}
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return ""
	}
	return claims.OrgID
}

// projectFolders turns projects into the snapshots of the two upper levels: the
// root, and each project's environments.
func projectFolders(list []wireProject, now time.Time) []*secret.Folder {
	root := &secret.Folder{Fetched: now, Answered: now}
	folders := []*secret.Folder{root}
	for _, p := range list {
		root.Folders = append(root.Folders, secret.Subfolder{Name: p.Slug, ID: p.ID, Updated: p.UpdatedAt})
		f := &secret.Folder{Dir: secret.Dir{Project: p.Slug}, Fetched: now, Answered: now}
		for _, e := range p.Environments {
			f.Folders = append(f.Folders, secret.Subfolder{Name: e.Slug, ID: e.ID})
		}
		f.Sort()
		folders = append(folders, f)
	}
	root.Sort()
	return folders
}
