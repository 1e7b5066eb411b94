package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"infisicalfs/secret"
)

// claims are the parts of a token that are of use to its bearer. They are read
// and not verified: who made the token is the server's business.
type claims struct {
	OrgID      string `json:"orgId"` // in tokens of current servers
	UserID     string `json:"userId"`
	IdentityID string `json:"identityId"`
}

// claims reads the token in use; those of other forms have none.
func (c *Client) claims(ctx context.Context) (claims, error) {
	value, err := c.tokens.get(ctx)
	if err != nil {
		return claims{}, err
	}
	return claimsOf(value), nil
}

func claimsOf(token secret.Value) claims {
	_, rest, _ := strings.Cut(token.Reveal(), ".")
	payload, _, _ := strings.Cut(rest, ".")
	var found claims
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(text, &found) != nil {
		return claims{}
	}
	return found
}

func (c claims) isUser() bool { return c.UserID != "" && c.IdentityID == "" }

// IsUser reports whether the login is a person's, who can have overrides of
// shared values, and not a machine identity's.
func (c *Client) IsUser(ctx context.Context) (bool, error) {
	ctx, end := c.begin(ctx)
	defer end()
	found, err := c.claims(ctx)
	return found.isUser(), err
}
