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

// MayWrite checks an action (create, edit, delete) on secrets or folders of a path.
func (c *Call) MayWrite(action string, p *store.Project, env, path string) error {
	if !c.Who.IsUser() {
		if m := c.Who.Identity.Membership(p.ID); m == nil || m.Role != "admin" {
			return PermissionDenied(action, "secrets")
		}
	}
	if c.Denied(p, env, path) {
		return PermissionDenied(action, "secrets")
	}
	return nil
}

// Denied reports whether the caller knows nothing of the path.
func (c *Call) Denied(p *store.Project, env, path string) bool {
	if t := c.Who.service; t != nil && !t.Covers(env, path) {
		return true
	}
	return c.ruled(p, func(r store.Rule) bool {
		return r.Deny && r.Env == env && (r.Path == path || r.Path == "/" || strings.HasPrefix(path, r.Path+"/"))
	})
}

// Hidden reports whether the caller may know of the secret but not its value.
func (c *Call) Hidden(p *store.Project, env, path, name string) bool {
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
func (c *Call) NeedsApproval(personal bool) bool {
	return c.Approvals && !c.July() && c.Who.IsUser() && !personal
}
