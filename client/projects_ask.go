package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"infisicalfs/client/internal/jsonstream"
	"infisicalfs/client/internal/transport"
	"infisicalfs/client/internal/wire"
	"infisicalfs/secret"
)

const listProjectsOp, getProjectOp = "list projects", "get project"

// errListUnsupported: there is no such way to list projects, here or on this server.
var errListUnsupported = fmt.Errorf("list projects: the server does not list them to this identity: %w", secret.ErrDenied)

// listProjects asks for the projects of the identity and renews the table. It
// is [secret.ErrDenied] if none of the ways to ask is allowed.
func (c *Client) listProjects(ctx context.Context) ([]wire.Project, error) {
	list, err := c.askForProjects(ctx)
	if err != nil {
		return nil, err
	}
	list = c.distinct(list)
	c.projects.replace(list)
	return list, nil
}

// askForProjects tries the ways that servers of different ages allow: the
// current list; the old one, which servers before mid-2025 refuse to identities;
// the organisation's; and at last the configured projects one by one.
func (c *Client) askForProjects(ctx context.Context) (list []wire.Project, err error) {
	if list, err := c.listOfServiceToken(ctx); err != nil || list != nil {
		return list, err
	}
	ways := []func(context.Context) ([]wire.Project, error){c.listPlainly, c.listOrganization}
	byOrg := c.projects.prefersOrganization()
	if byOrg {
		slices.Reverse(ways)
	}
	first, err := ways[0](ctx)
	if !listDenied(err) {
		return first, err
	}
	second, again := ways[1](ctx)
	switch {
	case again == nil:
		c.projects.preferOrganization(!byOrg)
		return second, nil
	case !listDenied(again):
		return nil, again
	case len(c.cfg.Projects) > 0:
		return c.getConfigured(ctx)
	}
	return nil, c.organizationWanted(denialOf(err, again))
}

func (c *Client) listPlainly(ctx context.Context) (list []wire.Project, err error) {
	err = c.server.WithRoutes(ctx, func(ctx context.Context, routes transport.Routes) (err error) {
		r := transport.Request{Op: listProjectsOp, Path: "/v1/projects", Class: "read"}
		if routes == transport.Legacy {
			r.Path = "/v1/workspace"
		}
		list, err = c.getProjects(ctx, r, "projects", "workspaces")
		return err
	})
	return list, err
}

func (c *Client) listOrganization(ctx context.Context) (list []wire.Project, err error) {
	id, err := c.organization(ctx)
	if err != nil {
		return nil, err
	}
	if id == "" {
		return nil, errListUnsupported
	}
	if !LooksLikeID(id) { // the server would stumble over it
		return nil, fmt.Errorf("list projects: %q is not the id of an organisation: %w: %w", id, ErrNoProjectList, secret.ErrDenied)
	}
	path := "/v2/organizations/" + url.PathEscape(id) + "/workspaces"
	list, err = c.getProjects(ctx, transport.Request{Op: listProjectsOp, Path: path, Class: "read"}, "workspaces")
	if errors.Is(err, transport.ErrNoRoute) {
		return nil, errListUnsupported
	}
	if err == nil {
		c.projects.tellEmpty(id, len(list) == 0)
	}
	return list, err
}

// EmptyOrganization is the id of the organisation by which projects were listed
// last, if there were none: servers say that of organisations that they do not
// have, too. It is empty if there were projects or they were listed otherwise.
func (c *Client) EmptyOrganization() string { return c.projects.emptyOrganization() }

// getProjects sends a GET whose answer has projects under the first of the keys.
func (c *Client) getProjects(ctx context.Context, q transport.Request, keys ...string) (list []wire.Project, err error) {
	q.Method = http.MethodGet
	q.Decode = func(s *jsonstream.Scanner, h *jsonstream.Reservation) {
		list = wire.ReadProjects(s, h, c.cfg.MaxSecrets, keys...)
	}
	answer, err := c.server.Do(ctx, q)
	if err != nil {
		return nil, err
	}
	return list, answer.Decoded()
}

// getConfigured asks for the configured projects. One that is gone, or that the
// identity may not see, does not take the others away.
func (c *Client) getConfigured(ctx context.Context) (list []wire.Project, err error) {
	for _, name := range c.cfg.Projects {
		p, err := c.getProject(ctx, name)
		switch {
		case errors.Is(err, secret.ErrNotFound), errors.Is(err, secret.ErrDenied):
			c.log.Warn("a configured project is left out", "project", name, "error", err)
		case err != nil:
			return nil, err
		default:
			list = append(list, p)
		}
	}
	if list == nil {
		return nil, errListUnsupported
	}
	return list, nil
}

// listDenied reports whether the server understood the question and will not
// answer it to this identity. Old servers say so with 400, 401 and 403 and names
// of their own. Of those that look like a rejected token, the repetition after a new
// login has made certain that they are not; a login that is denied is another matter.
func listDenied(err error) bool {
	var verdict *transport.APIError
	if errors.Is(err, errListUnsupported) {
		return true
	}
	if !errors.As(err, &verdict) || verdict.Op != listProjectsOp || verdict.Name == "TokenError" {
		return false
	}
	for _, meaning := range []error{secret.ErrDenied, secret.ErrInvalid, secret.ErrNotFound, secret.ErrUnauthenticated} {
		if errors.Is(verdict, meaning) {
			return true
		}
	}
	return false
}

// denialOf makes one error of two refusals: the server's own words if there are any.
func denialOf(errs ...error) error {
	for _, err := range errs {
		var verdict *transport.APIError
		if errors.As(err, &verdict) {
			return transport.Reclassify(verdict, secret.ErrDenied)
		}
	}
	return errListUnsupported
}

// organizationWanted adds to a refusal that no organisation was named, where that
// would have helped.
func (c *Client) organizationWanted(refusal error) error {
	if c.cfg.Organization != "" {
		return refusal
	}
	return fmt.Errorf("%w: %w", refusal, ErrNoProjectList)
}

// distinct leaves out what cannot be a directory: projects without id or slug,
// and all but the oldest id of a slug that several organisations use.
func (c *Client) distinct(list []wire.Project) []wire.Project {
	slices.SortFunc(list, func(a, b wire.Project) int {
		return cmp.Or(cmp.Compare(a.Slug, b.Slug), cmp.Compare(a.ID, b.ID))
	})
	kept := list[:0]
	for _, p := range list {
		switch {
		case p.ID == "" || !reachable(p.Slug):
			c.log.Warn("a project without id or slug is left out", "id", p.ID)
		case len(kept) > 0 && kept[len(kept)-1].Slug == p.Slug:
			c.log.Warn("two projects have one slug; the first is shown", "slug", p.Slug, "left_out", p.ID)
		default:
			kept = append(kept, p)
		}
	}
	return kept
}

// getProject asks for one project by id or by slug.
func (c *Client) getProject(ctx context.Context, idOrSlug string) (wire.Project, error) {
	if LooksLikeID(idOrSlug) {
		return c.getProjectByID(ctx, idOrSlug)
	}
	return c.getProjectAt(ctx, "/v1/projects/slug/", "/v2/workspace/", idOrSlug)
}

func (c *Client) getProjectByID(ctx context.Context, id string) (wire.Project, error) {
	return c.getProjectAt(ctx, "/v1/projects/", "/v1/workspace/", id)
}

// getProjectAt asks for a project at the path of a current or of a legacy server.
func (c *Client) getProjectAt(ctx context.Context, currentPath, legacyPath, key string) (p wire.Project, err error) {
	if list, err := c.listOfServiceToken(ctx); err != nil {
		return p, err
	} else if list != nil {
		if list[0].ID == key {
			return list[0], nil
		}
		return p, fmt.Errorf("get project: the service token is for another, or it is to be named by its id: %w", secret.ErrDenied)
	}
	err = c.server.WithRoutes(ctx, func(ctx context.Context, routes transport.Routes) error {
		path := currentPath
		if routes == transport.Legacy {
			path = legacyPath
		}
		return c.server.Get(ctx, transport.Request{Op: getProjectOp, Path: path + url.PathEscape(key), Class: "read"},
			transport.Under("project", &p), transport.Under("workspace", &p), transport.Whole(&p))
	})
	if err == nil && (p.ID == "" || !reachable(p.Slug)) {
		err = fmt.Errorf("get project: the server's answer has no id or slug: %w", secret.ErrUnavailable)
	}
	if err != nil {
		return wire.Project{}, err
	}
	c.projects.add(p)
	return p, nil
}

// organization is the configured organisation or the one that the token names
// (tokens of current servers do). Empty: neither.
func (c *Client) organization(ctx context.Context) (string, error) {
	if c.cfg.Organization != "" {
		return c.cfg.Organization, nil
	}
	found, err := c.server.Claims(ctx)
	return found.OrgID, err
}
