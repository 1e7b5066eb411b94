package login

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"infisicalfs/internal/devserver/internal/web"
)

// cloudRefuses is the answer where a cloud refuses what it is shown, or cannot be
// reached: the server did not foresee that its request fails.
func cloudRefuses() *web.Failure { return web.Broken("InternalServerError") }

// clockSkew is how far clouds let a signed request's time be off.
const clockSkew = 15 * time.Minute

func awsFields(f *web.Form) claimant {
	return claimant{"method": f.StrOr("iamHttpRequestMethod", "POST"), "body": f.Str("iamRequestBody"), "headers": f.Str("iamRequestHeaders")}
}

var awsRegion = regexp.MustCompile(`^[a-z0-9-]{1,20}$`)

// aws sends the signed request to the STS of the region that it names, which is played
// here, and looks at whose it is.
func aws(a *attempt) *web.Failure {
	headers, body, ok := awsRequest(a.shown)
	if !ok {
		return cloudRefuses()
	}
	authorization := headers["authorization"]
	region := ""
	for _, field := range strings.Split(authorization, " ") {
		if scope, ok := strings.CutPrefix(field, "Credential="); ok {
			if parts := strings.Split(scope, "/"); len(parts) > 2 {
				region = parts[2]
			}
		}
	}
	if !awsRegion.MatchString(region) {
		return web.BadRequest("Invalid AWS region")
	}
	if accept := headers["accept"]; accept != "" && !strings.Contains(accept, "json") {
		return cloudRefuses() // STS answers in XML, which the server cannot read
	}
	if !a.signedForSTS(region, headers, body) {
		return cloudRefuses()
	}
	if len(a.setup.Allowed) > 0 && !slices.ContainsFunc(a.setup.Allowed, func(p string) bool { return matches(p, a.setup.Principal) }) {
		return web.Unauthorized("Access denied: AWS principal ARN not allowed.")
	}
	return nil
}

// awsRequest decodes the request, with the names of headers in lower case.
func awsRequest(shown claimant) (headers map[string]string, body string, ok bool) {
	raw, err := base64.StdEncoding.DecodeString(shown["headers"])
	text, bad := base64.StdEncoding.DecodeString(shown["body"])
	var given map[string]string
	if err != nil || bad != nil || json.Unmarshal(raw, &given) != nil {
		return nil, "", false
	}
	headers = map[string]string{}
	for name, value := range given {
		headers[strings.ToLower(name)] = value
	}
	return headers, string(text), true
}

// signedForSTS plays STS: it checks the signature by the keys that the identity was set
// up with. Those with a session token have it behind a blank.
func (a *attempt) signedForSTS(region string, headers map[string]string, body string) bool {
	const scheme = "AWS4-HMAC-SHA256 "
	fields, ok := strings.CutPrefix(headers["authorization"], scheme)
	if !ok {
		return false
	}
	parts := map[string]string{}
	for _, field := range strings.Split(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		parts[name] = value
	}
	id, scope, _ := strings.Cut(parts["Credential"], "/")
	key, session, _ := strings.Cut(a.setup.AccessKeys[id], " ")
	signed := strings.Split(parts["SignedHeaders"], ";")
	at, err := time.Parse("20060102T150405Z", headers["x-amz-date"])
	switch {
	case key == "" || err != nil || at.Sub(a.Now).Abs() > clockSkew,
		a.shown["method"] != "POST" || body != "Action=GetCallerIdentity&Version=2011-06-15",
		headers["host"] != "sts."+region+".amazonaws.com",
		scope != at.Format("20060102")+"/"+region+"/sts/aws4_request",
		headers["x-amz-security-token"] != session,
		!slices.IsSorted(signed) || !slices.Contains(signed, "host") || !slices.Contains(signed, "x-amz-date"):
		return false
	}
	if session != "" && !slices.Contains(signed, "x-amz-security-token") {
		return false
	}
	canonical := "POST\n/\n\n"
	for _, name := range signed {
		canonical += name + ":" + strings.Join(strings.Fields(headers[name]), " ") + "\n"
	}
	canonical += "\n" + parts["SignedHeaders"] + "\n" + sha256Hex(body)
	derived := []byte("AWS4" + key)
	for _, part := range strings.Split(scope, "/") {
		derived = hmacSHA256(derived, part)
	}
	want := hmacSHA256(derived, strings.TrimSpace(scheme)+"\n"+headers["x-amz-date"]+"\n"+scope+"\n"+sha256Hex(canonical))
	got, err := hex.DecodeString(parts["Signature"])
	return err == nil && hmac.Equal(got, want)
}

func hmacSHA256(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func sha256Hex(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
