package devserver

import (
	"net/http"
	"strings"

	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// member returns the project, or the refusal for an identity that is not in it.
// The refusal of a project that does not exist differs from route to route, so
// the caller gives it.
func (c *call) member(p *store.Project, missing *web.Failure) error {
	if p == nil {
		return missing
	}
	if c.who.isUser() || c.who.identity.Membership(p.ID) != nil {
		return nil
	}
	return c.notMember()
}

func (c *call) notMember() *web.Failure {
	if c.old() {
		return web.Fail(http.StatusForbidden, "Identity is not a member of the specified project", "You are not allowed to access this resource")
	}
	return web.Fail(http.StatusForbidden, "ForbiddenError", "You are not a member of this project")
}

func permissionDenied(action, subject string) *web.Failure {
	return &web.Failure{
		Status:  http.StatusForbidden,
		Name:    "PermissionDenied",
		Message: "You are not allowed to " + action + " on " + subject,
		Details: []map[string]string{{"action": action, "subject": subject}},
	}
}

// mayWrite checks an action (create, edit, delete) on secrets or folders of a path.
func (c *call) mayWrite(action string, p *store.Project, env, path string) error {
	if !c.who.isUser() {
		if m := c.who.identity.Membership(p.ID); m == nil || m.Role != "admin" {
			return permissionDenied(action, "secrets")
		}
	}
	if c.denied(p, env, path) {
		return permissionDenied(action, "secrets")
	}
	return nil
}

// denied reports whether the caller knows nothing of the path.
func (c *call) denied(p *store.Project, env, path string) bool {
	return c.ruled(p, func(r store.Rule) bool {
		return r.Deny && r.Env == env && (r.Path == path || r.Path == "/" || strings.HasPrefix(path, r.Path+"/"))
	})
}

// hidden reports whether the caller may know of the secret but not its value.
func (c *call) hidden(p *store.Project, env, path, name string) bool {
	return c.ruled(p, func(r store.Rule) bool {
		return r.Hide && r.Env == env && r.Path == path && (r.Name == "" || r.Name == name)
	})
}

func (c *call) ruled(p *store.Project, applies func(store.Rule) bool) bool {
	if c.who.isUser() {
		return false
	}
	for _, r := range c.state.Rules {
		if r.IdentityID == c.who.identity.ID && r.ProjectID == p.ID && applies(r) {
			return true
		}
	}
	return false
}
