package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Claims are what the access tokens of both profiles carry. Identity tokens of
// 2024 name no organisation, and their exp is the max TTL; current ones name it,
// and their exp is the TTL.
type Claims struct {
	AuthTokenType  string `json:"authTokenType"` // identityAccessToken or accessToken
	IdentityID     string `json:"identityId,omitempty"`
	ClientSecretID string `json:"clientSecretId,omitempty"`
	TokenID        string `json:"identityAccessTokenId,omitempty"`

	ID                   string  `json:"jti,omitempty"`
	IdentityName         string  `json:"identityName,omitempty"`
	AuthMethod           string  `json:"authMethod,omitempty"`
	OrgID                string  `json:"orgId,omitempty"`
	RootOrgID            string  `json:"rootOrgId,omitempty"`
	ParentOrgID          string  `json:"parentOrgId,omitempty"`
	TTL                  float64 `json:"accessTokenTTL,omitempty"`
	MaxTTL               float64 `json:"accessTokenMaxTTL,omitempty"`
	CreationEpoch        int64   `json:"creationEpoch,omitempty"`
	NumUses              int     `json:"numUsesLimit,omitempty"`
	IPRestrictionEnabled *bool   `json:"ipRestrictionEnabled,omitempty"`

	UserID         string `json:"userId,omitempty"`
	OrganizationID string `json:"organizationId,omitempty"`

	IssuedAt int64 `json:"iat"`
	Expires  int64 `json:"exp,omitempty"`
}

const (
	IdentityTokenType = "identityAccessToken"
	UserTokenType     = "accessToken"
)

// Sign writes the claims as a JWT, signed with HS256.
func (st *State) Sign(c Claims) string {
	header, _ := json.Marshal(map[string]string{"alg": "HS256", "typ": "JWT"})
	payload, _ := json.Marshal(c)
	text := Base64url(header) + "." + Base64url(payload)
	return text + "." + Base64url(st.mac(text))
}

func (st *State) mac(text string) []byte {
	h := hmac.New(sha256.New, st.SigningKey)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// Base64url encodes as the parts of a JWT are: without padding.
func Base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// TokenError is what the server says about a token, in its own words.
type TokenError string

func (e TokenError) Error() string { return string(e) }

// Verify checks form, signature and exp, in this order; its error is a
// [TokenError]. Whether the token is still known is another question.
func (st *State) Verify(text string, now time.Time) (Claims, error) {
	var c Claims
	malformed := TokenError("The provided access token is malformed. Please use a valid token or generate a new one and try again.")
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return c, malformed
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return c, malformed
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !hmac.Equal(signature, st.mac(parts[0]+"."+parts[1])) {
		return c, TokenError("invalid signature")
	}
	if c.Expires != 0 && now.Unix() >= c.Expires {
		return c, TokenError("Your token has expired. Please re-authenticate.")
	}
	return c, nil
}

// UserToken returns an access token of the user, who needs no entry in Tokens. It
// lives ten days.
func (st *State) UserToken(now time.Time) string {
	return st.Sign(Claims{
		AuthTokenType:  UserTokenType,
		UserID:         st.User.ID,
		OrganizationID: st.OrgID,
		IssuedAt:       now.Unix(),
		Expires:        now.Add(10 * 24 * time.Hour).Unix(),
	})
}

// TokenConfig is the life of an identity's access tokens.
type TokenConfig struct {
	TTL     time.Duration `json:"ttl,omitempty"`     // zero: 2 h
	MaxTTL  time.Duration `json:"maxTTL,omitempty"`  // zero: 24 h
	NumUses int           `json:"numUses,omitempty"` // zero: unlimited
}

// WithDefaults fills in what is zero.
func (t TokenConfig) WithDefaults() TokenConfig {
	if t.TTL == 0 {
		t.TTL = 2 * time.Hour
	}
	if t.MaxTTL == 0 {
		t.MaxTTL = 24 * time.Hour
	}
	return t
}

// DropToken makes a token unusable: with forget it is gone, else it is marked.
func (st *State) DropToken(t *Token, forget bool) {
	t.Revoked = true
	if forget {
		st.Tokens = slices.DeleteFunc(st.Tokens, func(x *Token) bool { return x == t })
	}
}
