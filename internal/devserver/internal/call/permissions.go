package call

import (
	"net/http"
	"strings"

	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// Member returns the project, or the refusal for an identity that is not in it.
// The refusal of a project that does not exist differs from route to route, so
// the caller gives it.
func (c *Call) Member(p *store.Project, missing *web.Failure) error {
	if p == nil {
		return missing
	}
	if c.Who.IsUser() || c.Who.Identity.Membership(p.ID) != nil {
		return nil
	}
	return c.NotMember()
}

// NotMember is the refusal for an identity that is not in the project.
func (c *Call) NotMember() *web.Failure {
	if c.Old() {
		return web.Fail(http.StatusForbidden, "Identity is not a member of the specified project", "You are not allowed to access this resource")
	}
	return web.Fail(http.StatusForbidden, "ForbiddenError", "You are not a member of this project")
}

// PermissionDenied is the refusal for a lack of rights within a project.
func PermissionDenied(action, subject string) *web.Failure {
	return &web.Failure{
		Status:  http.StatusForbidden,
		Name:    "PermissionDenied",
		Message: "You are not allowed to " + action + " on " + subject,
		Details: []map[string]string{{"action": action, "subject": subject}},
	}
}

// MayWrite checks an action (create, edit, delete) on secrets of a path, or on the folders in it.
func (c *Call) MayWrite(action string, p *store.Project, env, path string) error {
	if role := c.granted(p, env, path); role != "" {
		if role == store.FolderList || role == store.FolderRead {
			return PermissionDenied(action, "secrets")
		}
		return nil
	}
	if !c.Who.IsUser() && c.role(p) != "admin" || c.Denied(p, env, path) {
		return PermissionDenied(action, "secrets")
	}
	return nil
}

// MayDeleteFolder checks whether a folder in the folder of a path may be deleted.
func (c *Call) MayDeleteFolder(p *store.Project, env, parent string) error {
	if role := c.granted(p, env, parent); role != "" && role != store.FolderFull {
		return PermissionDenied("delete", "secret-folders")
	}
	return c.MayWrite("delete", p, env, parent)
}

// role is the caller's role in a project, empty if it has none.
func (c *Call) role(p *store.Project) string {
	if m := c.Who.Identity.Membership(p.ID); m != nil {
		return m.Role
	}
	return ""
}

// granted is what the caller may do in this one folder, whatever its role in the project;
// empty: what the role says. Only today's servers know such grants.
func (c *Call) granted(p *store.Project, env, path string) store.FolderRole {
	if c.Who.IsUser() || c.Old() {
		return ""
	}
	if e := p.Env(env); e != nil {
		if f := e.Root.Walk(path); f != nil {
			return c.State.Grants(c.Who.Identity.ID, f.ID, c.Now)
		}
	}
	return ""
}

// Denied reports whether the caller knows nothing of the path.
func (c *Call) Denied(p *store.Project, env, path string) bool {
	if t := c.Who.service; t != nil && !t.Covers(env, path) {
		return true
	}
	if c.granted(p, env, path) != "" {
		return false
	}
	return c.powerless(p) || c.ruled(p, func(r store.Rule) bool {
		return r.Deny && r.Env == env && (r.Path == path || r.Path == "/" || strings.HasPrefix(path, r.Path+"/"))
	})
}

// powerless reports whether the caller is a member whose role gives no right.
func (c *Call) powerless(p *store.Project) bool {
	return !c.Who.IsUser() && c.role(p) == "no-access"
}

// Blind reports whether the caller may know of no secret in the whole project. Lists are
// refused for that alone; where anything may be known, they leave out the rest.
func (c *Call) Blind(p *store.Project) bool {
	return c.powerless(p) && !c.State.GrantedIn(p, c.Who.Identity.ID, c.Now)
}

// Hidden reports whether the caller may know of the secret but not its value.
func (c *Call) Hidden(p *store.Project, env, path, name string) bool {
	if role := c.granted(p, env, path); role != "" {
		return role == store.FolderList
	}
	return c.ruled(p, func(r store.Rule) bool {
		return r.Hide && r.Env == env && r.Path == path && (r.Name == "" || r.Name == name)
	})
}

func (c *Call) ruled(p *store.Project, applies func(store.Rule) bool) bool {
	if c.Who.IsUser() {
		return false
	}
	for _, r := range c.State.Rules {
		if r.IdentityID == c.Who.Identity.ID && r.ProjectID == p.ID && applies(r) {
			return true
		}
	}
	return false
}

// ReadAction names the right that reading a value takes.
func (c *Call) ReadAction() string {
	if c.Old() {
		return "read"
	}
	return "readValue"
}

// NeedsApproval reports whether a write waits: a change policy concerns what users do to shared secrets.
// Machine identities are exempt; servers of July 2024 did not look at policies on
// these routes.
func (c *Call) NeedsApproval(at store.Place, personal bool) bool {
	return c.Approvals.Covers(at.Env.Slug) && !c.July() && c.Who.IsUser() && !personal
}
