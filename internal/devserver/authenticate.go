package devserver

import (
	"time"

	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// actor is who makes a request: an identity or the user.
type actor struct {
	identity *store.Identity // nil: the user, or nobody on routes for anybody
	user     *store.User
}

func (a actor) isUser() bool { return a.user != nil }

func (a actor) id() string {
	if a.isUser() {
		return a.user.ID
	}
	return a.identity.ID
}

// authenticate finds out who makes the request. It comes before the rate limit,
// so an unauthenticated request is not counted. The lock of the state is held.
func (c *call) authenticate() *web.Failure {
	if c.route.access == anybody {
		return nil
	}
	header := c.r.Header.Get("Authorization")
	if header == "" {
		return web.Unauthorized("Token missing")
	}
	// The scheme is not looked at, its length is taken for granted.
	text := header[min(len("Bearer "), len(header)):]
	if len(text) > 3 && text[:3] == "st." {
		if c.july() {
			return web.Unauthorized("You are not allowed to access this resource")
		}
		return web.NotFound("Service token not found")
	}
	who, err := c.bearer(text)
	if err != nil {
		return err
	}
	c.who = who
	name := "user"
	if !who.isUser() {
		name = who.identity.Name
	}
	c.identified(name)
	if c.route.access == userOnly && !who.isUser() {
		return web.Fail(403, "Forbidden access to "+c.r.URL.Path, "You are not allowed to access this resource")
	}
	return nil
}

// bearer finds out whose token a text is, and counts its use.
func (c *call) bearer(text string) (actor, *web.Failure) {
	now := time.Now()
	cl, bad := c.state.Verify(text, now)
	if bad != nil {
		return actor{}, web.TokenError("%s", bad)
	}
	if cl.AuthTokenType == store.UserTokenType {
		return actor{user: &c.state.User}, nil
	}
	t, err := c.liveToken(cl, now)
	if err != nil {
		return actor{}, err
	}
	if t.Config.NumUses > 0 {
		if t.Uses >= t.Config.NumUses {
			c.dropToken(t)
			if !c.old() {
				return actor{}, web.Unauthorized("Access token usage limit reached")
			}
			return actor{}, web.Unauthorized("Unable to renew because access token number of uses limit reached")
		}
		t.Uses++ // reaches the data file with the next write
		c.touched = true
	}
	id := c.state.IdentityByID(t.IdentityID)
	if id == nil { // taken out of the data file
		return actor{}, web.Unauthorized("No identity access token found")
	}
	return actor{identity: id}, nil
}

// liveToken finds the token in the table, where its TTL is kept. Servers of 2024
// forget a token the first time that they refuse it, so the second refusal says
// something else.
func (c *call) liveToken(cl store.Claims, now time.Time) (*store.Token, *web.Failure) {
	t := store.Find(c.state.Tokens, func(t *store.Token) bool { return t.ID == cl.TokenID })
	switch {
	case t == nil:
		return nil, web.Unauthorized("No identity access token found")
	case t.Revoked:
		return nil, web.Unauthorized("Access token has been revoked")
	case c.old() && now.After(t.Renewed.Add(t.Config.TTL)):
		c.dropToken(t)
		return nil, web.Unauthorized("Failed to renew MI access token due to TTL expiration")
	}
	return t, nil
}

// dropToken makes a token unusable: gone from a server of 2024, marked on a
// current one.
func (c *call) dropToken(t *store.Token) {
	c.state.DropToken(t, c.old())
	c.touched = true
}
