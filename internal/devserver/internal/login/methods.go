package login

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"path"
	"slices"
	"strings"

	"infisicalfs/internal/devserver/internal/web"
)

// methods are all that have an identity id in their body.
var methods = []*method{
	{path: "kubernetes-auth", since: always, fields: jwtField, check: kubernetes},
	{path: "oidc-auth", since: october, fields: jwtField, check: oidc},
	{path: "jwt-auth", since: current, fields: jwtField, check: jwt},
	{path: "ldap-auth", since: current, fields: ldapFields, check: ldap, locks: true},
	{path: "tls-cert-auth", since: current, fields: noFields, check: tlsCert},
	{path: "aws-auth", since: always, fields: awsFields, check: aws},
	{path: "gcp-auth", since: always, fields: jwtField, check: gcp},
	{path: "azure-auth", since: always, fields: jwtField, check: azure},
	{path: "oci-auth", since: current, fields: ociForm, check: oci},
	{path: "alicloud-auth", since: current, fields: alicloudForm, check: alicloud},
	{path: "spiffe-auth", since: current, fields: jwtField, check: spiffe},
}

// Which servers have a method.
func always(web.Profile) bool    { return true }
func october(p web.Profile) bool { return p != web.July2024 }
func current(p web.Profile) bool { return !p.Old() }

func noFields(*web.Form) claimant { return nil }

func jwtField(f *web.Form) claimant { return claimant{"jwt": f.Str("jwt")} }

func ldapFields(f *web.Form) claimant {
	return claimant{"username": f.Str("username"), "password": f.Str("password")}
}

// kubernetes plays the cluster's TokenReview.
func kubernetes(a *attempt) *web.Failure {
	claims, err := a.State.VerifyJWT(a.shown["jwt"], a.Now)
	if err != nil {
		return web.Fail(401, "KubernetesTokenReviewError", "Token review failed: %s", err)
	}
	if !matches(a.setup.Subject, text(claims, "sub")) {
		return web.Unauthorized("Kubernetes service account is not allowed")
	}
	if !audienceOf(claims, a.setup.Audiences) {
		return web.Unauthorized("Kubernetes token audience is not allowed")
	}
	return nil
}

func oidc(a *attempt) *web.Failure {
	claims, refused := a.claims()
	if refused == nil && !matches(a.setup.Subject, text(claims, "sub")) {
		return web.Fail(403, "ForbiddenError", "Access denied: OIDC subject not allowed.")
	}
	return refused
}

func jwt(a *attempt) *web.Failure {
	claims, refused := a.claims()
	if refused == nil && !matches(a.setup.Subject, text(claims, "sub")) {
		return web.Unauthorized("Access denied: JWT subject not allowed")
	}
	return refused
}

// claims are those of the JWT, held against all that was set up but the subject.
func (a *attempt) claims() (map[string]any, *web.Failure) {
	claims, err := a.State.VerifyJWT(a.shown["jwt"], a.Now)
	if err != nil {
		return nil, web.Unauthorized("Access denied: %s", err)
	}
	if a.setup.Issuer != "" && text(claims, "iss") != a.setup.Issuer {
		return nil, web.Unauthorized("Access denied: jwt issuer invalid. expected: %s", a.setup.Issuer)
	}
	if !audienceOf(claims, a.setup.Audiences) {
		return nil, web.Unauthorized("Access denied: token audience not allowed.")
	}
	for name, want := range a.setup.Claims {
		if text(claims, name) != want {
			return nil, web.Unauthorized("Access denied: claim %s not allowed.", name)
		}
	}
	return claims, nil
}

func ldap(a *attempt) *web.Failure {
	if a.shown["username"] != a.setup.Username || a.shown["password"] != a.setup.Password || a.shown["password"] == "" {
		return web.Unauthorized("Invalid credentials")
	}
	return nil
}

// tlsCert looks at the certificate of the connection, as the proxy before a real server does.
func tlsCert(a *attempt) *web.Failure {
	if a.Request.TLS == nil || len(a.Request.TLS.PeerCertificates) == 0 {
		return web.BadRequest("Missing TLS certificate in header")
	}
	leaf, roots := a.Request.TLS.PeerCertificates[0], x509.NewCertPool()
	block, _ := pem.Decode([]byte(a.setup.Authority))
	if block != nil {
		if authority, err := x509.ParseCertificate(block.Bytes); err == nil {
			roots.AddCert(authority)
		}
	}
	options := x509.VerifyOptions{Roots: roots, CurrentTime: a.Now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if _, err := leaf.Verify(options); err != nil {
		return web.Unauthorized("Access denied: Certificate chain validation failed.")
	}
	if names := a.setup.CommonNames; names != nil && !slices.Contains(names, leaf.Subject.CommonName) {
		return web.Unauthorized("Access denied: TLS Certificate Auth common name not allowed.")
	}
	return nil
}

func text(claims map[string]any, name string) string {
	if claims[name] == nil {
		return ""
	}
	return fmt.Sprint(claims[name])
}

// matches reports whether a text is of the pattern, of which the empty one allows all.
func matches(pattern, text string) bool {
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", ":"), strings.ReplaceAll(text, "/", ":")) // a star goes over slashes
	return pattern == "" || err == nil && ok
}

// audienceOf reports whether one of the JWT's audiences is allowed; none allowed means any.
func audienceOf(claims map[string]any, allowed []string) bool {
	if len(allowed) == 0 {
		return true
	}
	list, ok := claims["aud"].([]any)
	if !ok {
		list = []any{claims["aud"]}
	}
	return slices.ContainsFunc(list, func(v any) bool { return slices.Contains(allowed, fmt.Sprint(v)) })
}
