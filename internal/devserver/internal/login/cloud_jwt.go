package login

import (
	"regexp"
	"slices"
	"strings"

	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

const googleIssuer = "https://accounts.google.com"

var googleAccount = regexp.MustCompile(`^[a-z0-9-]+@[a-z0-9-]+\.iam\.gserviceaccount\.com$`)

// gcp is two methods of one route. An identity with a public key is of the kind that signs
// with a service account's key; others show what Google's metadata service signs.
func gcp(a *attempt) *web.Failure {
	var claims map[string]any
	var account string
	if a.setup.PublicKey != "" {
		var refused *web.Failure
		if claims, refused = a.signedByAccount(); refused != nil {
			return refused
		}
		account = text(claims, "sub")
		if !googleAccount.MatchString(account) {
			return web.BadRequest("Invalid GCP service account email")
		}
	} else {
		var err error
		claims, err = a.State.VerifyJWT(a.shown["jwt"], a.Now)
		if err != nil || text(claims, "iss") != googleIssuer {
			return cloudRefuses() // Google's library throws what nobody foresaw
		}
		account = text(claims, "email")
		if account == "" {
			return cloudRefuses()
		}
	}
	if text(claims, "aud") != a.identity.ID {
		return web.Unauthorized("Access denied: audience not allowed.")
	}
	return a.allowed(account, "Access denied: GCP service account not allowed.")
}

// signedByAccount are the claims of a JWT that was signed with a service account's key,
// which Google publishes the public half of.
func (a *attempt) signedByAccount() (map[string]any, *web.Failure) {
	header, claims, signed, signature, err := store.ReadJWT(a.shown["jwt"])
	switch {
	case err != nil:
		return nil, web.TokenError("%s", err)
	case header["kid"] == "":
		return nil, cloudRefuses() // no such key at Google
	case header["alg"] != "RS256" || !rsaSigned(a.setup.PublicKey, signed, signature):
		return nil, web.TokenError("%s", store.ErrSignature)
	}
	if err := store.NotEnded(claims, a.Now); err != nil {
		return nil, web.TokenError("%s", err)
	}
	return claims, nil
}

func azure(a *attempt) *web.Failure {
	claims, err := a.State.VerifyJWT(a.shown["jwt"], a.Now)
	if err != nil {
		return web.TokenError("%s", err)
	}
	slash := func(address string) string { return strings.TrimSuffix(address, "/") }
	if len(a.setup.Audiences) > 0 && !slices.ContainsFunc(a.setup.Audiences, func(want string) bool { return slash(want) == slash(text(claims, "aud")) }) {
		return web.Unauthorized("Access denied: audience not allowed.")
	}
	if a.setup.Issuer != "" && text(claims, "iss") != a.setup.Issuer {
		return web.Unauthorized("Access denied: issuer not allowed.")
	}
	return a.allowed(text(claims, "oid"), "Access denied: Azure service principal not allowed.")
}

// spiffe looks at a JWT-SVID: whose it is, as a path below a trust domain, and for whom.
func spiffe(a *attempt) *web.Failure {
	claims, err := a.State.VerifyJWT(a.shown["jwt"], a.Now)
	if err != nil {
		return web.Unauthorized("Access denied: %s", err)
	}
	id := text(claims, "sub")
	switch {
	case !strings.HasPrefix(id, "spiffe://"):
		return web.Unauthorized("Access denied: Invalid SPIFFE ID")
	case claims["exp"] == nil || claims["aud"] == nil:
		return web.Unauthorized("Access denied: Invalid JWT-SVID")
	case !audienceOf(claims, a.setup.Audiences):
		return web.Unauthorized("Access denied: token audience not allowed.")
	case !matches(a.setup.Subject, id):
		return web.Unauthorized("Access denied: SPIFFE ID not allowed.")
	}
	return nil
}

// allowed is the refusal of a principal that is not on the list, if there is one.
func (a *attempt) allowed(principal, refusal string) *web.Failure {
	if len(a.setup.Allowed) > 0 && !slices.Contains(a.setup.Allowed, principal) {
		return web.Unauthorized("%s", refusal)
	}
	return nil
}
