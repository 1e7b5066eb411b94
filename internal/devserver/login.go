package devserver

import (
	"crypto/subtle"
	"slices"
	"time"

	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

func authRoutes() []route {
	return []route{
		{"GET", "/api/status", web.Unlimited, anybody, (*call).status},
		{"POST", "/api/v1/auth/universal-auth/login", web.WriteClass, anybody, (*call).login},
		{"POST", "/api/v1/auth/token/renew", web.WriteClass, anybody, (*call).renew},
		{"POST", "/api/v1/auth/token/revoke", web.WriteClass, anybody, (*call).revoke},
	}
}

func (c *call) status() (any, error) {
	return map[string]any{
		"date":                     stamp(c.now),
		"message":                  "Ok",
		"emailConfigured":          false,
		"inviteOnlySignup":         true,
		"redisConfigured":          true,
		"secretScanningConfigured": false,
	}, nil
}

// tokenAnswer is what login and renew return; times are in seconds.
type tokenAnswer struct {
	AccessToken string  `json:"accessToken"`
	ExpiresIn   float64 `json:"expiresIn"`
	MaxTTL      float64 `json:"accessTokenMaxTTL"`
	TokenType   string  `json:"tokenType"`
}

// Current servers lock a client out for a while after some wrong secrets in a
// row; those of 2024 do not.
const (
	lockoutFailures = 3
	lockoutReset    = 30 * time.Second
	lockoutTime     = 5 * time.Minute
)

func (c *call) login() (any, error) {
	f := c.bodyForm()
	clientID, clientSecret := f.Str("clientId"), f.Str("clientSecret")
	if err := f.Failure(); err != nil {
		return nil, err
	}
	st := c.state
	id := store.Find(st.Identities, func(i *store.Identity) bool { return i.ClientID == clientID })
	if id == nil {
		if c.profile == web.Y2024 {
			return nil, web.NotFound("No identity with specified client ID was found")
		}
		return nil, web.Unauthorized("Invalid credentials")
	}
	if !c.old() && c.now.Before(id.LockedUntil) {
		return nil, web.Unauthorized("This identity auth method is temporarily locked, please try again later")
	}
	if subtle.ConstantTimeCompare([]byte(clientSecret), []byte(id.ClientSecret)) != 1 {
		c.countFailure(id)
		return nil, web.Unauthorized("Invalid credentials")
	}
	id.Failures = 0
	c.identified(id.Name)

	config := c.tokens
	if id.Token != nil {
		config = id.Token.WithDefaults()
	}
	t := &store.Token{ID: store.NewUUID(), IdentityID: id.ID, Config: config, Created: c.now, Renewed: c.now}
	st.Tokens = append(slices.DeleteFunc(st.Tokens, func(t *store.Token) bool { return c.now.After(t.Created.Add(t.Config.MaxTTL)) }), t)
	c.changed = true
	return c.tokenAnswer(t, id), nil
}

func (c *call) countFailure(id *store.Identity) {
	if c.now.Sub(id.LastFailure) > lockoutReset {
		id.Failures = 0
	}
	id.Failures++
	id.LastFailure = c.now
	if id.Failures >= lockoutFailures {
		id.LockedUntil, id.Failures = c.now.Add(lockoutTime), 0
	}
	c.changed = true
}

// tokenAnswer issues the JWT of t. On a server of 2024 it is the same text every
// time, lives until the max TTL, and the TTL is kept by the server; a current
// server makes a new one that lives no longer than the max TTL allows.
func (c *call) tokenAnswer(t *store.Token, id *store.Identity) tokenAnswer {
	cl := store.Claims{AuthTokenType: store.IdentityTokenType, IdentityID: id.ID, ClientSecretID: id.ClientSecretID, TokenID: t.ID}
	end := t.Created.Add(t.Config.MaxTTL)
	life := t.Config.TTL
	if c.old() {
		cl.IssuedAt, cl.Expires = t.Created.Unix(), end.Unix()
	} else {
		life = min(life, end.Sub(t.Renewed))
		no := false
		org := c.state.OrgID
		cl.ID, cl.IdentityName, cl.AuthMethod = store.NewUUID(), id.Name, "universal-auth"
		cl.OrgID, cl.RootOrgID, cl.ParentOrgID = org, org, org
		cl.TTL, cl.MaxTTL, cl.CreationEpoch = t.Config.TTL.Seconds(), t.Config.MaxTTL.Seconds(), t.Created.Unix()
		cl.NumUses, cl.IPRestrictionEnabled = t.Config.NumUses, &no
		cl.IssuedAt, cl.Expires = t.Renewed.Unix(), t.Renewed.Add(life).Unix()
	}
	return tokenAnswer{
		AccessToken: c.state.Sign(cl),
		ExpiresIn:   life.Seconds(),
		MaxTTL:      t.Config.MaxTTL.Seconds(),
		TokenType:   "Bearer",
	}
}

// renew restarts the TTL. A server of 2024 refuses when the new life would run
// past the max TTL, and destroys the token in doing so; a current one refuses
// only when nothing is left of the max TTL.
func (c *call) renew() (any, error) {
	t, err := c.tokenOfBody()
	if err != nil {
		return nil, err
	}
	end := t.Created.Add(t.Config.MaxTTL)
	if c.old() && c.now.Add(t.Config.TTL).After(end) || !c.now.Before(end) {
		c.dropToken(t)
		c.changed = true
		return nil, web.Unauthorized("Failed to renew MI access token past its Max TTL expiration")
	}
	t.Renewed = c.now
	c.changed = true
	return c.tokenAnswer(t, c.state.IdentityByID(t.IdentityID)), nil
}

func (c *call) revoke() (any, error) {
	t, err := c.tokenOfBody()
	if err != nil {
		return nil, err
	}
	c.dropToken(t)
	c.changed = true
	return map[string]string{"message": "Successfully revoked access token"}, nil
}

// tokenOfBody finds the token that the body names. Being named there is no use
// of it.
func (c *call) tokenOfBody() (*store.Token, error) {
	f := c.bodyForm()
	text := f.Str("accessToken")
	if err := f.Failure(); err != nil {
		return nil, err
	}
	cl, err := c.state.Verify(text, c.now)
	if err != nil {
		return nil, web.TokenError("%s", err)
	}
	if cl.AuthTokenType != store.IdentityTokenType {
		if c.july() {
			return nil, web.Unauthorized("You are not allowed to access this resource")
		}
		return nil, web.BadRequest("Only identity access tokens can be renewed")
	}
	t, refused := c.liveToken(cl, c.now)
	if refused != nil {
		return nil, refused
	}
	return t, nil
}
