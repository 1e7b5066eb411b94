package login

import (
	"cmp"
	"slices"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// answer is what login and renew return; times are in seconds.
type answer struct {
	AccessToken string  `json:"accessToken"`
	ExpiresIn   float64 `json:"expiresIn"`
	MaxTTL      float64 `json:"accessTokenMaxTTL"`
	TokenType   string  `json:"tokenType"`
}

// grant makes a token for an identity that has logged in.
func grant(c *call.Call, id *store.Identity, method, orgID string) answer {
	c.Identified(id.Name)
	config := c.Tokens
	if id.Token != nil {
		config = id.Token.WithDefaults()
	}
	t := &store.Token{ID: store.NewUUID(), IdentityID: id.ID, Config: config, Created: c.Now, Renewed: c.Now, Method: method, OrgID: orgID}
	st := c.State
	st.Tokens = append(slices.DeleteFunc(st.Tokens, func(t *store.Token) bool { return c.Now.After(t.Created.Add(t.Config.MaxTTL)) }), t)
	c.Changed = true
	return issueToken(c, t, id)
}

// issueToken issues the JWT of t. On a server of 2024 it is the same text every
// time, lives until the max TTL, and the TTL is kept by the server; a current
// server makes a new one that lives no longer than the max TTL allows.
func issueToken(c *call.Call, t *store.Token, id *store.Identity) answer {
	cl := store.Claims{AuthTokenType: store.IdentityTokenType, IdentityID: id.ID, TokenID: t.ID}
	if cmp.Or(t.Method, Universal) == Universal {
		cl.ClientSecretID = id.ClientSecretID
	}
	end := t.Created.Add(t.Config.MaxTTL)
	life := t.Config.TTL
	if c.Old() {
		cl.IssuedAt, cl.Expires = t.Created.Unix(), end.Unix()
	} else {
		life = min(life, end.Sub(t.Renewed))
		no := false
		org := c.State.OrgID
		cl.ID, cl.IdentityName, cl.AuthMethod = store.NewUUID(), id.Name, cmp.Or(t.Method, Universal)
		cl.OrgID, cl.RootOrgID, cl.ParentOrgID = cmp.Or(t.OrgID, org), org, org
		cl.TTL, cl.MaxTTL, cl.CreationEpoch = t.Config.TTL.Seconds(), t.Config.MaxTTL.Seconds(), t.Created.Unix()
		cl.NumUses, cl.IPRestrictionEnabled = t.Config.NumUses, &no
		cl.IssuedAt, cl.Expires = t.Renewed.Unix(), t.Renewed.Add(life).Unix()
	}
	return answer{
		AccessToken: c.State.Sign(cl),
		ExpiresIn:   life.Seconds(),
		MaxTTL:      t.Config.MaxTTL.Seconds(),
		TokenType:   "Bearer",
	}
}

// renew restarts the TTL. A server of 2024 refuses when the new life would run
// past the max TTL, and destroys the token in doing so; a current one refuses
// only when nothing is left of the max TTL.
func renew(c *call.Call) (any, error) {
	t, err := tokenOfBody(c)
	if err != nil {
		return nil, err
	}
	end := t.Created.Add(t.Config.MaxTTL)
	if c.Old() && c.Now.Add(t.Config.TTL).After(end) || !c.Now.Before(end) {
		c.DropToken(t)
		c.Changed = true
		return nil, web.Unauthorized("Failed to renew MI access token past its Max TTL expiration")
	}
	t.Renewed = c.Now
	c.Changed = true
	return issueToken(c, t, c.State.IdentityByID(t.IdentityID)), nil
}

func revoke(c *call.Call) (any, error) {
	t, err := tokenOfBody(c)
	if err != nil {
		return nil, err
	}
	c.DropToken(t)
	c.Changed = true
	return map[string]string{"message": "Successfully revoked access token"}, nil
}

// tokenOfBody finds the token that the body names. Being named there is no use
// of it.
func tokenOfBody(c *call.Call) (*store.Token, error) {
	f := c.BodyForm()
	text := f.Str("accessToken")
	if err := f.Failure(); err != nil {
		return nil, err
	}
	cl, err := c.State.Verify(text, c.Now)
	if err != nil {
		return nil, web.TokenError("%s", err)
	}
	if cl.AuthTokenType != store.IdentityTokenType {
		if c.July() {
			return nil, web.Unauthorized("You are not allowed to access this resource")
		}
		return nil, web.BadRequest("Only identity access tokens can be renewed")
	}
	t, refused := c.LiveToken(cl, c.Now)
	if refused != nil {
		return nil, refused
	}
	return t, nil
}
