package devserver

import (
	"net/http"
	"regexp"
	"strings"

	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

func projectRoutes(p web.Profile) []route {
	workspaces := route{"GET", "/api/v1/workspace", web.ReadClass, userOnly, (*call).listWorkspaces}
	if !p.Old() {
		workspaces.access = members
	}
	routes := []route{
		workspaces,
		{"GET", "/api/v1/organization", web.ReadClass, userOnly, (*call).listOrganizations},
		{"GET", "/api/v1/workspace/:id", web.ReadClass, members, (*call).getWorkspace},
		{"GET", "/api/v2/workspace/:slug", web.ReadClass, members, (*call).getWorkspaceBySlug},
		{"GET", "/api/v2/organizations/:org/workspaces", web.ReadClass, members, (*call).listOrganizationWorkspaces},
		{"GET", "/api/v1/identities/:identity/identity-memberships", web.ReadClass, members, (*call).listMemberships},
		{"POST", "/api/v1/workspace/:id/environments", web.WriteClass, members, (*call).createEnvironment},
		{"GET", "/api/v1/workspace/:id/tags", web.ReadClass, members, (*call).listTags},
		{"POST", "/api/v1/workspace/:id/tags", web.WriteClass, members, (*call).createTag},
	}
	if !p.Old() {
		routes = append(routes,
			route{"GET", "/api/v1/projects", web.ReadClass, members, (*call).listProjects},
			route{"POST", "/api/v1/projects", web.CreationClass, members, (*call).createProject},
			route{"GET", "/api/v1/projects/:id", web.ReadClass, members, (*call).getProject},
			route{"GET", "/api/v1/projects/slug/:slug", web.ReadClass, members, (*call).getProjectBySlug},
			route{"POST", "/api/v1/projects/:id/environments", web.WriteClass, members, (*call).createEnvironment},
			route{"GET", "/api/v1/projects/:id/tags", web.ReadClass, members, (*call).listTags},
			route{"POST", "/api/v1/projects/:id/tags", web.WriteClass, members, (*call).createTag},
		)
	}
	return routes
}

// ownProjects are the projects that the caller is a member of.
func (c *call) ownProjects() []projectJSON {
	list := []projectJSON{}
	for _, p := range c.state.Projects {
		if c.who.isUser() || c.who.identity.Membership(p.ID) != nil {
			list = append(list, c.projectJSON(p))
		}
	}
	return list
}

func (c *call) listProjects() (any, error) {
	f := c.queryForm()
	f.Flag("includeRoles", false)
	kind := f.StrOr("type", "")
	if err := f.Failure(); err != nil {
		return nil, err
	}
	projects := c.ownProjects()
	if kind != "" && kind != "secret-manager" {
		projects = []projectJSON{}
	}
	return map[string]any{"projects": projects}, nil
}

func (c *call) listWorkspaces() (any, error) {
	return map[string]any{"workspaces": c.ownProjects()}, nil
}

func (c *call) listOrganizations() (any, error) {
	return map[string]any{"organizations": []map[string]string{{"id": c.state.OrgID, "name": "Demo", "slug": "demo"}}}, nil
}

// listOrganizationWorkspaces lists the caller's projects whatever its role in
// the organisation; it is the one way by which an identity can list projects on
// a server of 2024. Another organisation has none.
func (c *call) listOrganizationWorkspaces() (any, error) {
	org := c.params["org"]
	if !store.IsUUID(org) {
		return nil, web.Broken("Find one")
	}
	list := []map[string]any{}
	if org == c.state.OrgID {
		for _, p := range c.ownProjects() {
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

func (c *call) getWorkspace() (any, error) {
	p, err := c.projectOfPath()
	if err != nil {
		return nil, err
	}
	return map[string]any{"workspace": c.projectJSON(p)}, nil
}

func (c *call) getProject() (any, error) {
	p, err := c.projectOfPath()
	if err != nil {
		return nil, err
	}
	return map[string]any{"project": c.projectJSON(p)}, nil
}

// projectOfPath is the project whose id is in the URL. A server of 2024 trips
// over an unknown one.
func (c *call) projectOfPath() (*store.Project, error) {
	id := c.params["id"]
	p := c.state.ProjectByID(id)
	missing := web.NotFound("Project with ID '%s' not found", id)
	if c.old() {
		missing = web.Broken("Failed to find project by id")
	}
	return p, c.member(p, missing)
}

func (c *call) getWorkspaceBySlug() (any, error) {
	slug := c.params["slug"]
	if c.old() {
		f := c.queryForm()
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
	return c.getProjectBySlug()
}

// getProjectBySlug answers with the project itself, without a wrapper.
func (c *call) getProjectBySlug() (any, error) {
	slug := c.params["slug"]
	p := c.state.ProjectBySlug(slug)
	missing := web.NotFound("Project with slug '%s' not found", slug)
	if c.old() {
		missing = web.Broken("Failed to find project by slug")
	}
	if err := c.member(p, missing); err != nil {
		return nil, err
	}
	return c.projectJSON(p), nil
}

var slugPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func (c *call) createProject() (any, error) {
	f := c.bodyForm()
	name := f.Str("projectName")
	slug := f.StrOr("slug", strings.ToLower(name)+"-"+store.RandomHex(2))
	if !slugPattern.MatchString(slug) {
		f.Custom("slug", "Slug must be a valid slug")
	}
	if err := f.Failure(); err != nil {
		return nil, err
	}
	if !c.who.isUser() && c.who.identity.OrgRole == "no-access" {
		return nil, permissionDenied("create", "workspace")
	}
	if c.state.ProjectBySlug(slug) != nil {
		return nil, web.BadRequest("Project with slug '%s' already exists", slug)
	}
	p := c.state.AddProject(slug, name, c.now)
	for _, e := range []string{"dev", "staging", "prod"} {
		p.AddEnvironment(e, "", c.now)
	}
	if !c.who.isUser() {
		c.who.identity.Join(p, "admin", c.now)
	}
	c.changed = true
	return map[string]any{"project": c.projectJSON(p)}, nil
}

func (c *call) createEnvironment() (any, error) {
	f := c.bodyForm()
	name, slug := f.Str("name"), f.Str("slug")
	if slug != "" && !slugPattern.MatchString(slug) {
		f.Custom("slug", "Slug must be a valid slug")
	}
	if err := f.Failure(); err != nil {
		return nil, err
	}
	p, err := c.projectOfPath()
	if err != nil {
		return nil, err
	}
	if err := c.mayWrite("create", p, "", ""); err != nil {
		return nil, permissionDenied("create", "environments")
	}
	if p.Env(slug) != nil {
		return nil, web.Fail(http.StatusBadRequest, "CreateEnvironment", "Environment with slug already exist")
	}
	e := p.AddEnvironment(slug, name, c.now)
	c.changed = true
	return map[string]any{
		"message":   "Successfully created new environment",
		"workspace": p.ID,
		"environment": map[string]any{
			"id": e.ID, "name": e.Name, "slug": e.Slug, "position": len(p.Environments), "projectId": p.ID,
			"createdAt": stamp(e.CreatedAt), "updatedAt": stamp(e.CreatedAt),
		},
	}, nil
}
