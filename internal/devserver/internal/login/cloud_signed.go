package login

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"infisicalfs/internal/devserver/internal/web"
)

var (
	ociHost   = regexp.MustCompile(`^identity\.[a-z]{2}-[a-z]+-[0-9]+\.oraclecloud\.com$`)
	ociFields = []string{"authorization", "host", "date", "x-date"} // the schema drops all others
)

func ociForm(f *web.Form) claimant {
	shown := claimant{"userOcid": f.Str("userOcid")}
	headers, ok := f.Value("headers").(map[string]any)
	if !ok {
		f.Custom("headers", "Required")
	}
	for _, name := range ociFields {
		if value, ok := headers[name].(string); ok {
			shown[name] = value
		}
	}
	if shown["host"] == "" || shown["authorization"] == "" {
		f.Custom("headers", "Required")
	}
	return shown
}

// oci asks for the user's record with the signed headers, which Oracle's service checks;
// it is played here.
func oci(a *attempt) *web.Failure {
	if !ociHost.MatchString(a.shown["host"]) {
		return web.BadRequest("Invalid OCI host")
	}
	if !a.signedForOracle() {
		return cloudRefuses()
	}
	if len(a.setup.Allowed) > 0 && !slices.Contains(a.setup.Allowed, a.shown["userOcid"]) {
		return web.Unauthorized("Access denied: OCI account username not allowed.")
	}
	return nil
}

var signatureField = regexp.MustCompile(`(\w+)="([^"]*)"`)

func (a *attempt) signedForOracle() bool {
	fields, ok := strings.CutPrefix(a.shown["authorization"], "Signature ")
	if !ok {
		return false
	}
	parts := map[string]string{}
	for _, match := range signatureField.FindAllStringSubmatch(fields, -1) {
		parts[match[1]] = match[2]
	}
	var lines []string
	signed := strings.Split(parts["headers"], " ")
	for _, name := range signed {
		value := a.shown[name]
		if name == "(request-target)" {
			value = "get /20160918/users/" + a.shown["userOcid"]
		}
		lines = append(lines, name+": "+value)
	}
	at, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", a.shown["date"])
	owner, _, _ := strings.Cut(parts["keyId"], "/"+a.shown["userOcid"]+"/")
	switch {
	case err != nil || at.Sub(a.Now).Abs() > 5*time.Minute,
		parts["version"] != "1" || parts["algorithm"] != "rsa-sha256" || owner != a.setup.Principal,
		!slices.Contains(signed, "date") || !slices.Contains(signed, "(request-target)") || !slices.Contains(signed, "host"):
		return false
	}
	signature, err := base64.StdEncoding.DecodeString(parts["signature"])
	return err == nil && rsaSigned(a.setup.PublicKey, strings.Join(lines, "\n"), signature)
}

// rsaSigned reports whether the text was signed with the key that belongs to a public one.
func rsaSigned(publicPEM, text string, signature []byte) bool {
	block, _ := pem.Decode([]byte(publicPEM))
	if block == nil {
		return false
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	key, ok := parsed.(*rsa.PublicKey)
	sum := sha256.Sum256([]byte(text))
	return err == nil && ok && rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) == nil
}

// What Alibaba's signed request consists of; the schema drops all others, session tokens too.
var alicloudFields = []string{"AccessKeyId", "Action", "Format", "SignatureMethod", "SignatureNonce", "SignatureVersion", "Timestamp", "Version"}

var (
	alphanumeric      = regexp.MustCompile(`^[A-Za-z0-9]+$`)
	alicloudNonce     = regexp.MustCompile(`^[a-zA-Z0-9-_.]+$`)
	alicloudTimestamp = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$`)
)

func alicloudForm(f *web.Form) claimant {
	shown := claimant{}
	for _, name := range append([]string{"Signature"}, alicloudFields...) {
		shown[name] = f.Str(name)
	}
	for name, form := range map[string]*regexp.Regexp{"AccessKeyId": alphanumeric, "SignatureNonce": alicloudNonce, "Timestamp": alicloudTimestamp} {
		if f.Has(name) && !form.MatchString(shown[name]) {
			f.Custom(name, "Invalid "+name)
		}
	}
	return shown
}

// alicloud repeats the signed call of STS, which is played here.
func alicloud(a *attempt) *web.Failure {
	if !a.signedForAlibaba() {
		return cloudRefuses()
	}
	if len(a.setup.Allowed) > 0 && !slices.Contains(a.setup.Allowed, a.setup.Principal) {
		return web.Unauthorized("Access denied: Alibaba Cloud account ARN not allowed.")
	}
	return nil
}

func (a *attempt) signedForAlibaba() bool {
	key := a.setup.AccessKeys[a.shown["AccessKeyId"]]
	at, err := time.Parse(time.RFC3339, a.shown["Timestamp"])
	nonce := a.shown["SignatureNonce"]
	if key == "" || err != nil || at.Sub(a.Now).Abs() > clockSkew || a.shown["Action"] != "GetCallerIdentity" || slices.Contains(a.setup.Nonces, nonce) {
		return false
	}
	var query []string
	for _, name := range alicloudFields {
		query = append(query, percent(name)+"="+percent(a.shown[name]))
	}
	m := hmac.New(sha1.New, []byte(key+"&"))
	m.Write([]byte("GET&%2F&" + percent(strings.Join(query, "&"))))
	got, err := base64.StdEncoding.DecodeString(a.shown["Signature"])
	if err != nil || !hmac.Equal(got, m.Sum(nil)) {
		return false
	}
	a.setup.Nonces = append(a.setup.Nonces, nonce) // a second request with it is refused
	a.Changed = true
	return true
}

// percent escapes all but letters, digits and four signs.
func percent(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
