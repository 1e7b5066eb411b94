package call

import (
	"strings"
	"time"

	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// Actor is who makes a request: an identity or the user.
type Actor struct {
	Identity *store.Identity // nil: the user, or nobody on routes for anybody
	user     *store.User
	service  *store.ServiceToken // nil: no service token; Identity is then made up for it
}

// ServiceToken is the service token that makes the request, nil for others.
func (a Actor) ServiceToken() *store.ServiceToken { return a.service }

// IsUser reports whether the user makes the request.
func (a Actor) IsUser() bool { return a.user != nil }

// ID is the id of the identity or of the user.
func (a Actor) ID() string {
	if a.IsUser() {
		return a.user.ID
	}
	return a.Identity.ID
}

// Authenticate finds out who makes the request. It comes before the rate limit,
// so an unauthenticated request is not counted. The lock of the state is held.
func (c *Call) Authenticate() *web.Failure {
	if c.Route.Access == Anybody {
		return nil
	}
	header := c.Request.Header.Get("Authorization")
	if header == "" {
		return web.Unauthorized("Token missing")
	}
	// The scheme is not looked at, its length is taken for granted.
	text := header[min(len("Bearer "), len(header)):]
	if len(text) > 3 && text[:3] == "st." {
		if c.July() {
			return web.Unauthorized("You are not allowed to access this resource")
		}
		return c.serviceToken(text)
	}
	who, err := c.bearer(text)
	if err != nil {
		return err
	}
	c.Who = who
	name := "user"
	if !who.IsUser() {
		name = who.Identity.Name
	}
	c.Identified(name)
	if c.Route.Access == UserOnly && !who.IsUser() {
		return web.Fail(403, "Forbidden access to "+c.Request.URL.Path, "You are not allowed to access this resource")
	}
	return nil
}

// bearer finds out whose token a text is, and counts its use.
func (c *Call) bearer(text string) (Actor, *web.Failure) {
	now := time.Now()
	cl, bad := c.State.Verify(text, now)
	if bad != nil {
		return Actor{}, web.TokenError("%s", bad)
	}
	if cl.AuthTokenType == store.UserTokenType {
		return Actor{user: &c.State.User}, nil
	}
	t, err := c.LiveToken(cl, now)
	if err != nil {
		return Actor{}, err
	}
	if t.Config.NumUses > 0 {
		if t.Uses >= t.Config.NumUses {
			c.DropToken(t)
			if !c.Old() {
				return Actor{}, web.Unauthorized("Access token usage limit reached")
			}
			return Actor{}, web.Unauthorized("Unable to renew because access token number of uses limit reached")
		}
		t.Uses++ // reaches the data file with the next write
		c.Touched = true
	}
	id := c.State.IdentityByID(t.IdentityID)
	if id == nil { // taken out of the data file
		return Actor{}, web.Unauthorized("No identity access token found")
	}
	return Actor{Identity: id}, nil
}

// LiveToken finds the token in the table, where its TTL is kept. Servers of 2024
// forget a token the first time that they refuse it, so the second refusal says
// something else.
func (c *Call) LiveToken(cl store.Claims, now time.Time) (*store.Token, *web.Failure) {
	t := store.Find(c.State.Tokens, func(t *store.Token) bool { return t.ID == cl.TokenID })
	switch {
	case t == nil:
		return nil, web.Unauthorized("No identity access token found")
	case t.Revoked:
		return nil, web.Unauthorized("Access token has been revoked")
	case c.Old() && now.After(t.Renewed.Add(t.Config.TTL)):
		c.DropToken(t)
		return nil, web.Unauthorized("Failed to renew MI access token due to TTL expiration")
	}
	return t, nil
}

// DropToken makes a token unusable: gone from a server of 2024, marked on a
// current one.
func (c *Call) DropToken(t *store.Token) {
	c.State.DropToken(t, c.Old())
	c.Touched = true
}

// serviceToken finds out what a service token may do here. Only the routes of secrets and
// folders, and its own, know it.
func (c *Call) serviceToken(text string) *web.Failure {
	t := c.State.ServiceTokenOf(text)
	if t == nil {
		return web.NotFound("Service token not found")
	}
	known := false
	for _, part := range []string{"/secrets", "/folders", "/secret-imports", "/service-token"} {
		known = known || strings.Contains(c.Route.Pattern, part)
	}
	if !known {
		return web.Fail(403, "Forbidden access to "+c.Request.URL.Path, "You are not allowed to access this resource")
	}
	role := "viewer"
	if t.Write {
		role = "admin"
	}
	c.Who = Actor{service: t, Identity: &store.Identity{ID: t.ID, Name: t.Name, Memberships: []store.Membership{{ProjectID: t.ProjectID, Role: role}}}}
	c.Identified(t.Name)
	return nil
}
