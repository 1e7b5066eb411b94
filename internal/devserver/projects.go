package devserver

import (
	"net/http"
	"regexp"
	"strings"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/shape"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

func projectRoutes(p web.Profile) []call.Route {
	workspaces := call.On("GET", "/api/v1/workspace", web.ReadClass, call.UserOnly, listWorkspaces)
	if !p.Old() {
		workspaces.Access = call.Members
	}
	routes := []call.Route{
		workspaces,
		call.On("GET", "/api/v1/organization", web.ReadClass, call.UserOnly, listOrganizations),
		call.On("GET", "/api/v1/workspace/:id", web.ReadClass, call.Members, getWorkspace),
		call.On("GET", "/api/v2/workspace/:slug", web.ReadClass, call.Members, getWorkspaceBySlug),
		call.On("GET", "/api/v2/organizations/:org/workspaces", web.ReadClass, call.Members, listOrganizationWorkspaces),
		call.On("GET", "/api/v1/identities/:identity/identity-memberships", web.ReadClass, call.Members, listMemberships),
		call.On("POST", "/api/v1/workspace/:id/environments", web.WriteClass, call.Members, createEnvironment),
		call.On("GET", "/api/v1/workspace/:id/tags", web.ReadClass, call.Members, listTags),
		call.On("POST", "/api/v1/workspace/:id/tags", web.WriteClass, call.Members, createTag),
	}
	if !p.Old() {
		routes = append(routes,
			call.On("GET", "/api/v1/projects", web.ReadClass, call.Members, listProjects),
			call.On("POST", "/api/v1/projects", web.CreationClass, call.Members, createProject),
			call.On("GET", "/api/v1/projects/:id", web.ReadClass, call.Members, getProject),
			call.On("GET", "/api/v1/projects/slug/:slug", web.ReadClass, call.Members, getProjectBySlug),
			call.On("POST", "/api/v1/projects/:id/environments", web.WriteClass, call.Members, createEnvironment),
			call.On("GET", "/api/v1/projects/:id/tags", web.ReadClass, call.Members, listTags),
			call.On("POST", "/api/v1/projects/:id/tags", web.WriteClass, call.Members, createTag),
		)
	}
	return routes
}

// ownProjects are the projects that the caller is a member of.
func ownProjects(c *call.Call) []shape.Project {
	list := []shape.Project{}
	for _, p := range c.State.Projects {
		if c.Who.IsUser() || c.Who.Identity.Membership(p.ID) != nil {
			list = append(list, shape.ProjectOf(c, p))
		}
	}
	return list
}

func listProjects(c *call.Call) (any, error) {
	f := c.QueryForm()
	f.Flag("includeRoles", false)
	kind := f.StrOr("type", "")
	if err := f.Failure(); err != nil {
		return nil, err
	}
	projects := ownProjects(c)
	if kind != "" && kind != "secret-manager" {
		projects = []shape.Project{}
	}
	return map[string]any{"projects": projects}, nil
}

func listWorkspaces(c *call.Call) (any, error) {
	return map[string]any{"workspaces": ownProjects(c)}, nil
}

func listOrganizations(c *call.Call) (any, error) {
	return map[string]any{"organizations": []map[string]string{{"id": c.State.OrgID, "name": "Demo", "slug": "demo"}}}, nil
}

// listOrganizationWorkspaces lists the caller's projects whatever its role in
// the organisation; it is the one way by which an identity can list projects on
// a server of 2024. Another organisation has none.
func listOrganizationWorkspaces(c *call.Call) (any, error) {
	org := c.Params["org"]
	if !store.IsUUID(org) {
		return nil, web.Broken("Find one")
	}
	list := []map[string]any{}
	if org == c.State.OrgID {
		for _, p := range ownProjects(c) {
			for i := range p.Environments {
				p.Environments[i].ID = ""
			}
			list = append(list, map[string]any{
				"id": p.ID, "name": p.Name, "slug": p.Slug, "organization": org, "environments": p.Environments,
			})
		}
	}
	return map[string]any{"workspaces": list}, nil
}

func getWorkspace(c *call.Call) (any, error) {
	p, err := projectOfPath(c)
	if err != nil {
		return nil, err
	}
	return map[string]any{"workspace": shape.ProjectOf(c, p)}, nil
}

func getProject(c *call.Call) (any, error) {
	p, err := projectOfPath(c)
	if err != nil {
		return nil, err
	}
	return map[string]any{"project": shape.ProjectOf(c, p)}, nil
}

// projectOfPath is the project whose id is in the URL. A server of 2024 trips
// over an unknown one.
func projectOfPath(c *call.Call) (*store.Project, error) {
	id := c.Params["id"]
	p := c.State.ProjectByID(id)
	missing := web.NotFound("Project with ID '%s' not found", id)
	if c.Old() {
		missing = web.Broken("Failed to find project by id")
	}
	return p, c.Member(p, missing)
}

func getWorkspaceBySlug(c *call.Call) (any, error) {
	slug := c.Params["slug"]
	if c.Old() {
		f := c.QueryForm()
		switch {
		case len(slug) < 5:
			f.TooShort(f.Path("slug"), 5)
		case len(slug) > 36, slug != strings.ToLower(slug):
			f.Custom("slug", "Slug must be at least 5 character but no more than 36")
		}
		if err := f.Failure(); err != nil {
			return nil, err
		}
	}
	return getProjectBySlug(c)
}

// getProjectBySlug answers with the project itself, without a wrapper.
func getProjectBySlug(c *call.Call) (any, error) {
	slug := c.Params["slug"]
	p := c.State.ProjectBySlug(slug)
	missing := web.NotFound("Project with slug '%s' not found", slug)
	if c.Old() {
		missing = web.Broken("Failed to find project by slug")
	}
	if err := c.Member(p, missing); err != nil {
		return nil, err
	}
	return shape.ProjectOf(c, p), nil
}

var slugPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func createProject(c *call.Call) (any, error) {
	f := c.BodyForm()
	name := f.Str("projectName")
	slug := f.StrOr("slug", strings.ToLower(name)+"-"+store.RandomHex(2))
	if !slugPattern.MatchString(slug) {
		f.Custom("slug", "Slug must be a valid slug")
	}
	if err := f.Failure(); err != nil {
		return nil, err
	}
	if !c.Who.IsUser() && c.Who.Identity.OrgRole == "no-access" {
		return nil, call.PermissionDenied("create", "workspace")
	}
	if c.State.ProjectBySlug(slug) != nil {
		return nil, web.BadRequest("Project with slug '%s' already exists", slug)
	}
	p := c.State.AddProject(slug, name, c.Now)
	for _, e := range []string{"dev", "staging", "prod"} {
		p.AddEnvironment(e, "", c.Now)
	}
	if !c.Who.IsUser() {
		c.Who.Identity.Join(p, "admin", c.Now)
	}
	c.Changed = true
	return map[string]any{"project": shape.ProjectOf(c, p)}, nil
}

func createEnvironment(c *call.Call) (any, error) {
	f := c.BodyForm()
	name, slug := f.Str("name"), f.Str("slug")
	if slug != "" && !slugPattern.MatchString(slug) {
		f.Custom("slug", "Slug must be a valid slug")
	}
	if err := f.Failure(); err != nil {
		return nil, err
	}
	p, err := projectOfPath(c)
	if err != nil {
		return nil, err
	}
	if err := c.MayWrite("create", p, "", ""); err != nil {
		return nil, call.PermissionDenied("create", "environments")
	}
	if p.Env(slug) != nil {
		return nil, web.Fail(http.StatusBadRequest, "CreateEnvironment", "Environment with slug already exist")
	}
	e := p.AddEnvironment(slug, name, c.Now)
	c.Changed = true
	return map[string]any{
		"message":   "Successfully created new environment",
		"workspace": p.ID,
		"environment": map[string]any{
			"id": e.ID, "name": e.Name, "slug": e.Slug, "position": len(p.Environments), "projectId": p.ID,
			"createdAt": call.Stamp(e.CreatedAt), "updatedAt": call.Stamp(e.CreatedAt),
		},
	}, nil
}
