package login

import (
	"crypto/subtle"
	"time"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// Universal is the method that every identity has: a client id and a client secret.
const Universal = "universal-auth"

// Current servers lock a client out for a while after some wrong secrets in a
// row; those of 2024 do not.
const (
	lockoutFailures = 3
	lockoutReset    = 30 * time.Second
	lockoutTime     = 5 * time.Minute
)

func universal(c *call.Call) (any, error) {
	f := c.BodyForm()
	clientID, clientSecret, slug := f.Str("clientId"), f.Str("clientSecret"), f.OptStr("organizationSlug")
	if err := f.Failure(); err != nil {
		return nil, err
	}
	id := store.Find(c.State.Identities, func(i *store.Identity) bool { return i.ClientID == clientID })
	if id == nil {
		if c.Profile == web.Y2024 {
			return nil, web.NotFound("No identity with specified client ID was found")
		}
		return nil, web.Unauthorized("Invalid credentials")
	}
	if locked := lockedOut(c, &id.Lockout); locked != nil {
		return nil, locked
	}
	if subtle.ConstantTimeCompare([]byte(clientSecret), []byte(id.ClientSecret)) != 1 {
		countFailure(c, &id.Lockout)
		return nil, web.Unauthorized("Invalid credentials")
	}
	id.Failures = 0
	if refused := addressRefused(c, id.Addresses); refused != nil {
		return nil, refused
	}
	orgID, refused := organization(c, id, slug)
	if refused != nil {
		return nil, refused
	}
	return grant(c, id, Universal, orgID), nil
}

func lockedOut(c *call.Call, l *store.Lockout) *web.Failure {
	if !c.Old() && c.Now.Before(l.LockedUntil) {
		return web.Unauthorized("This identity auth method is temporarily locked, please try again later")
	}
	return nil
}

func countFailure(c *call.Call, l *store.Lockout) {
	if c.Now.Sub(l.LastFailure) > lockoutReset {
		l.Failures = 0
	}
	l.Failures++
	l.LastFailure = c.Now
	if l.Failures >= lockoutFailures {
		l.LockedUntil, l.Failures = c.Now.Add(lockoutTime), 0
	}
	c.Changed = true
}
