package devserver

import (
	"cmp"
	"net/http"

	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// readQuery is what list and get have in common.
type readQuery struct {
	project  *store.Project
	env      string
	path     string
	view     bool // show values
	expand   bool
	imports  bool
	personal bool // may answer with the user's overrides
}

// readQuery reads the common parameters. The defaults differ between the
// generations: today's v4 expands and imports, v3 does neither, or both if the
// backend in Go answers.
func (c *call) readQuery(f *web.Form) (readQuery, error) {
	v4 := c.v4()
	q := readQuery{env: f.StrOr("environment", ""), path: store.SecretPath(f.StrOr("secretPath", "/"))}
	q.expand = f.Flag("expandSecretReferences", v4 || c.goReads())
	q.imports = f.Flag("include_imports", v4 || c.goReads())
	q.view = true
	if !c.old() {
		q.view = f.Flag("viewSecretValue", true)
	}
	if v4 {
		q.imports = f.Flag("includeImports", q.imports)
		q.personal = f.Flag("includePersonalOverrides", false)
	}
	id, slug := "", ""
	if v4 {
		id = f.StrOr("projectId", "")
	} else {
		id, slug = f.StrOr("workspaceId", ""), f.StrOr("workspaceSlug", "")
	}
	if err := f.Failure(); err != nil {
		return q, err
	}
	if q.env == "" || id == "" && slug == "" {
		if v4 {
			return q, web.BadRequest("Missing project id or environment")
		}
		return q, web.BadRequest("Missing workspace id or environment")
	}
	q.project = c.state.ProjectByID(id)
	if id == "" {
		q.project = c.state.ProjectBySlug(slug)
	}
	return q, c.member(q.project, c.noProject(cmp.Or(id, slug)))
}

// noProject is what the secret routes say about an unknown project.
func (c *call) noProject(id string) *web.Failure {
	if c.old() {
		return web.NotFound("Project not found during bot lookup. Are you sure you are using the correct project ID?")
	}
	return web.NotFound("Project with ID '%s' not found", id)
}

// noFolder is what a current server says about a missing environment or path,
// where at was looked up in vain.
func (c *call) noFolder(at store.Place, env, path string) *web.Failure {
	switch {
	case c.goReads() && at.Env == nil:
		return web.NotFound("Environment not found")
	case c.goReads():
		return web.NotFound("Folder not found")
	}
	return web.Fail(http.StatusNotFound, "SecretPathNotFound",
		"Folder with path '%s' in environment '%s' was not found. Please ensure the environment slug and secret path are correct.", path, env)
}
