package secretread

import (
	"cmp"

	"infisicalfs/internal/devserver/internal/call"
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

// parseReadQuery reads the common parameters. The defaults differ between the
// generations: today's v4 expands and imports, v3 does neither, or both if the
// backend in Go answers.
func parseReadQuery(c *call.Call, f *web.Form) (readQuery, error) {
	v4 := c.V4()
	q := readQuery{env: f.StrOr("environment", ""), path: store.SecretPath(f.StrOr("secretPath", "/"))}
	q.expand = f.Flag("expandSecretReferences", v4 || c.GoReads())
	q.imports = f.Flag("include_imports", v4 || c.GoReads())
	q.view = true
	if !c.Old() {
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
	if t := c.Who.ServiceToken(); t != nil {
		id, slug = t.ProjectID, ""
		if scope, ok := t.Plain(); ok { // whatever was asked for
			q.env, q.path = scope.Environment, scope.SecretPath
		}
	}
	if q.env == "" || id == "" && slug == "" {
		if v4 {
			return q, web.BadRequest("Missing project id or environment")
		}
		return q, web.BadRequest("Missing workspace id or environment")
	}
	q.project = c.State.ProjectByID(id)
	if id == "" {
		q.project = c.State.ProjectBySlug(slug)
	}
	return q, c.Member(q.project, c.NoProject(cmp.Or(id, slug)))
}
