package transport

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"infisicalfs/secret"
)

// Claims are the parts of a token that are of use to its bearer. They are read
// and not verified: who made the token is the server's business.
type Claims struct {
	OrgID      string `json:"orgId"` // in tokens of current servers
	UserID     string `json:"userId"`
	IdentityID string `json:"identityId"`

	IdentityName string  `json:"identityName"`
	NumUses      int     `json:"numUsesLimit"` // 0: no limit, or not told
	Expires      float64 `json:"exp"`          // seconds since 1970

	Service bool `json:"-"` // it is a service token, which tells nothing of itself
}

// End is when the token says that it ends, zero if it does not. On some versions of the
// server that is the end of all renewals.
func (c Claims) End() time.Time {
	if c.Expires <= 0 || c.Expires > 1<<40 {
		return time.Time{}
	}
	return time.Unix(int64(c.Expires), 0)
}

// Claims reads the token in use; those of other forms have none.
func (t *Transport) Claims(ctx context.Context) (Claims, error) {
	value, err := t.tokens.get(ctx)
	if err != nil {
		return Claims{}, err
	}
	return ClaimsOf(value), nil
}

// ClaimsOf reads a token; one of another form has none.
func ClaimsOf(token secret.Value) Claims {
	if strings.HasPrefix(token.Reveal(), "st.") {
		return Claims{Service: true}
	}
	_, rest, _ := strings.Cut(token.Reveal(), ".")
	payload, _, _ := strings.Cut(rest, ".")
	var found Claims
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(text, &found) != nil {
		return Claims{}
	}
	return found
}

// IsUser reports whether it is a person's login, and not a machine identity's.
func (c Claims) IsUser() bool { return c.UserID != "" && c.IdentityID == "" }
