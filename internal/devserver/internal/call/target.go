package call

import (
	"cmp"

	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// Target is what the bodies of all writes have in common.
type Target struct {
	Project *store.Project
	Env     string
	Path    string
}

// Target reads the project, in the spelling of the route, the environment
// and the path. The project's slug is taken where bySlug says so, and on all old
// routes of a current server; the batches of July 2024 take nothing else.
func (c *Call) Target(f *web.Form, bySlug bool) (Target, error) {
	t := Target{}
	id, slug := "", ""
	switch {
	case c.V4():
		id = f.Str("projectId")
	case bySlug && c.July():
		slug = f.Str("projectSlug")
	case f.Has("workspaceId") || !bySlug && c.Old() || !f.Has("projectSlug"):
		id = f.Str("workspaceId")
	default:
		slug = f.Str("projectSlug")
	}
	t.Env, t.Path = f.Str("environment"), store.SecretPath(f.StrOr("secretPath", "/"))
	if err := f.Failure(); err != nil {
		return t, err
	}
	t.Project = c.State.ProjectByID(id)
	if slug != "" {
		t.Project = c.State.ProjectBySlug(slug)
	}
	return t, c.Member(t.Project, c.NoProject(cmp.Or(id, slug)))
}

// Writable finds the folder of a write, after the right to do it.
func (c *Call) Writable(t Target, action, operation string) (store.Place, error) {
	if err := c.MayWrite(action, t.Project, t.Env, t.Path); err != nil {
		return store.Place{}, err
	}
	at, err := c.Lookup(t.Project, t.Env, t.Path)
	if err != nil {
		return store.Place{}, err
	}
	if at.Folder == nil {
		return store.Place{}, c.NoFolderFor(at, operation, t.Env, t.Path)
	}
	return at, nil
}
