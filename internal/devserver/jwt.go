package devserver

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// claims are what the access tokens of both profiles carry. Identity tokens of
// 2024 name no organisation, and their exp is the max TTL; current ones name it,
// and their exp is the TTL.
type claims struct {
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
	identityTokenType = "identityAccessToken"
	userTokenType     = "accessToken"
)

func (st *state) sign(c claims) string {
	header, _ := json.Marshal(map[string]string{"alg": "HS256", "typ": "JWT"})
	payload, _ := json.Marshal(c)
	text := base64url(header) + "." + base64url(payload)
	return text + "." + base64url(st.mac(text))
}

func (st *state) mac(text string) []byte {
	h := hmac.New(sha256.New, st.SigningKey)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// verify checks form, signature and exp, in this order, and says TokenError (403)
// about each. Whether the token is still known is another question.
func (st *state) verify(text string, now time.Time) (claims, *failure) {
	var c claims
	malformed := tokenError("The provided access token is malformed. Please use a valid token or generate a new one and try again.")
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
		return c, tokenError("invalid signature")
	}
	if c.Expires != 0 && now.Unix() >= c.Expires {
		return c, tokenError("Your token has expired. Please re-authenticate.")
	}
	return c, nil
}

func (st *state) userToken(now time.Time) string {
	return st.sign(claims{
		AuthTokenType:  userTokenType,
		UserID:         st.User.ID,
		OrganizationID: st.OrgID,
		IssuedAt:       now.Unix(),
		Expires:        now.Add(10 * 24 * time.Hour).Unix(),
	})
}
