package aws

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// Keys are what requests are signed with. Those of a user have no session token.
type Keys struct {
	ID      string
	Secret  secret.Value
	Session secret.Value
	From    string // where they were found, for messages
}

// Proof is a signed request that is sent by somebody else, in the form in which it is
// handed over: Body and Headers (a JSON object of texts) are in base64. It is valid for
// some minutes, and whoever has it passes for the identity with whoever accepts such
// proofs.
type Proof struct{ Method, Body, Headers string }

// String hides the signature.
func (p Proof) String() string { return "signed request" }

// GoString hides the signature from %#v.
func (p Proof) GoString() string { return p.String() }

const (
	service     = "sts"
	requestBody = "Action=GetCallerIdentity&Version=2011-06-15"
	contentType = "application/x-www-form-urlencoded; charset=utf-8"
	stampLayout = "20060102T150405Z"
)

// regionForm is what a region looks like that a server sends the request to.
var regionForm = regexp.MustCompile(`^[a-z0-9-]{1,20}$`)

// Sign signs GetCallerIdentity in the region. Regions in China are refused: they are
// under another name, to which no server sends the request.
func Sign(keys Keys, region string, now time.Time) (Proof, error) {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return Proof{}, exitcode.Errorf(exitcode.Config, "use another method of log-in", "AWS: Infisical cannot check identities of regions in China (%s)", region)
	case !regionForm.MatchString(region):
		return Proof{}, exitcode.Errorf(exitcode.Config, "set AWS_REGION to a region such as eu-central-1", "AWS: %q is no region", region)
	}
	headers, err := json.Marshal(signedHeaders(keys, region, now.UTC()))
	if err != nil {
		return Proof{}, err
	}
	return Proof{
		Method:  "POST",
		Body:    base64.StdEncoding.EncodeToString([]byte(requestBody)),
		Headers: base64.StdEncoding.EncodeToString(headers),
	}, nil
}

// signedHeaders returns all headers of the request, the signature among them. Accept
// and Content-Type are not signed, as in Amazon's SDKs.
func signedHeaders(keys Keys, region string, now time.Time) map[string]string {
	host, stamp := "sts."+region+".amazonaws.com", now.Format(stampLayout)
	length := strconv.Itoa(len(requestBody))

	signed := "content-length;host;x-amz-date"
	canonical := "content-length:" + length + "\nhost:" + host + "\nx-amz-date:" + stamp + "\n"
	headers := map[string]string{
		"Accept":         "application/json", // else STS answers in XML
		"Content-Length": length,
		"Content-Type":   contentType,
		"Host":           host,
		"X-Amz-Date":     stamp,
	}
	if session := keys.Session.Reveal(); session != "" {
		signed += ";x-amz-security-token"
		canonical += "x-amz-security-token:" + session + "\n"
		headers["X-Amz-Security-Token"] = session
	}

	request := "POST\n/\n\n" + canonical + "\n" + signed + "\n" + hash(requestBody)
	day := stamp[:8]
	scope := day + "/" + region + "/" + service + "/aws4_request"
	toSign := "AWS4-HMAC-SHA256\n" + stamp + "\n" + scope + "\n" + hash(request)
	// The blank before Credential= is where servers split to find the region.
	headers["Authorization"] = fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%x",
		keys.ID, scope, signed, mac(signingKey(keys.Secret, day, region), toSign))
	return headers
}

// signingKey is the key of one day, region and service.
func signingKey(secret secret.Value, day, region string) []byte {
	key := []byte("AWS4" + secret.Reveal())
	for _, part := range []string{day, region, service, "aws4_request"} {
		key = mac(key, part)
	}
	return key
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
