package devserver

import (
	"cmp"
	"net/http"

	"infisicalfs/internal/devserver/internal/store"
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
func (c *call) readQuery(f *form) (readQuery, error) {
	v4 := c.v4()
	q := readQuery{env: f.strOr("environment", ""), path: store.SecretPath(f.strOr("secretPath", "/"))}
	q.expand = f.flag("expandSecretReferences", v4 || c.goReads())
	q.imports = f.flag("include_imports", v4 || c.goReads())
	q.view = true
	if !c.old() {
		q.view = f.flag("viewSecretValue", true)
	}
	if v4 {
		q.imports = f.flag("includeImports", q.imports)
		q.personal = f.flag("includePersonalOverrides", false)
	}
	id, slug := "", ""
	if v4 {
		id = f.strOr("projectId", "")
	} else {
		id, slug = f.strOr("workspaceId", ""), f.strOr("workspaceSlug", "")
	}
	if err := f.failure(); err != nil {
		return q, err
	}
	if q.env == "" || id == "" && slug == "" {
		if v4 {
			return q, badRequest("Missing project id or environment")
		}
		return q, badRequest("Missing workspace id or environment")
	}
	q.project = c.s.state.ProjectByID(id)
	if id == "" {
		q.project = c.s.state.ProjectBySlug(slug)
	}
	return q, c.member(q.project, c.noProject(cmp.Or(id, slug)))
}

// noProject is what the secret routes say about an unknown project.
func (c *call) noProject(id string) *failure {
	if c.old() {
		return notFound("Project not found during bot lookup. Are you sure you are using the correct project ID?")
	}
	return notFound("Project with ID '%s' not found", id)
}

// noFolder is what a current server says about a missing environment or path,
// where at was looked up in vain.
func (c *call) noFolder(at store.Place, env, path string) *failure {
	switch {
	case c.goReads() && at.Env == nil:
		return notFound("Environment not found")
	case c.goReads():
		return notFound("Folder not found")
	}
	return fail(http.StatusNotFound, "SecretPathNotFound",
		"Folder with path '%s' in environment '%s' was not found. Please ensure the environment slug and secret path are correct.", path, env)
}
