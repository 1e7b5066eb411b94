// Package alicloud proves an identity of Alibaba Cloud: it signs the request
// GetCallerIdentity of its Security Token Service with a user's access key, for somebody
// else to send. Infisical takes no session tokens, so that temporary keys, which machines
// and pods have, cannot be used.
//
// [Find] finds the key, [Sign] signs.
package alicloud

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// ErrNone is wrapped by the error of who finds no key at all.
var ErrNone = errors.New("no access key of Alibaba Cloud")

// Key is a user's access key.
type Key struct {
	ID     string
	Secret secret.Value
}

const (
	idVariable     = "ALIBABA_CLOUD_ACCESS_KEY_ID"
	secretVariable = "ALIBABA_CLOUD_ACCESS_KEY_SECRET"
	tokenVariable  = "ALIBABA_CLOUD_SECURITY_TOKEN"
)

var idForm = regexp.MustCompile(`^[A-Za-z0-9]+$`)

// Hint says in a few words where a key would be taken from, empty if there is none.
func Hint(lookup func(string) (string, bool)) string {
	if text, _ := lookup(idVariable); text != "" {
		return idVariable
	}
	return ""
}

// Find returns the key that variables say. Errors are an [exitcode.Error]; one that wraps
// [ErrNone] means that there is nothing at all.
func Find(lookup func(string) (string, bool)) (Key, error) {
	variable := func(name string) string {
		text, _ := lookup(name)
		return strings.TrimSpace(text)
	}
	id, key := variable(idVariable), variable(secretVariable)
	switch {
	case id == "" && key == "":
		return Key{}, exitcode.Errorf(exitcode.Login, "set "+idVariable+" and "+secretVariable, "%w", ErrNone)
	case id == "" || key == "":
		return Key{}, exitcode.Errorf(exitcode.Config, "set both", "only one of %s and %s is set", idVariable, secretVariable)
	case strings.HasPrefix(id, "STS.") || variable(tokenVariable) != "":
		return Key{}, exitcode.Errorf(exitcode.Config, "use the access key of a RAM user", "Alibaba Cloud: the access key is temporary (%s), and Infisical takes none such", tokenVariable)
	case !idForm.MatchString(id):
		return Key{}, exitcode.Errorf(exitcode.Config, "correct it", "%s is no id of an access key", idVariable)
	}
	return Key{ID: id, Secret: secret.NewValue(key)}, nil
}

// Sign returns the parameters of the signed request, the signature among them. The nonce
// has letters, digits, dashes, underscores and points, and is used once: a request with a
// nonce that was seen is refused.
func Sign(key Key, nonce string, now time.Time) map[string]string {
	parameters := map[string]string{
		"Action":           "GetCallerIdentity",
		"Format":           "JSON",
		"Version":          "2015-04-01",
		"AccessKeyId":      key.ID,
		"SignatureMethod":  "HMAC-SHA1",
		"SignatureVersion": "1.0",
		"SignatureNonce":   nonce,
		"Timestamp":        now.UTC().Format("2006-01-02T15:04:05Z"),
	}
	var pairs []string
	for name, value := range parameters {
		pairs = append(pairs, escape(name)+"="+escape(value))
	}
	slices.Sort(pairs)
	m := hmac.New(sha1.New, []byte(key.Secret.Reveal()+"&"))
	m.Write([]byte("GET&" + escape("/") + "&" + escape(strings.Join(pairs, "&"))))
	parameters["Signature"] = base64.StdEncoding.EncodeToString(m.Sum(nil))
	return parameters
}

// escape escapes as RFC 3986 wants: a blank is no plus sign, and an asterisk is escaped.
func escape(text string) string {
	return strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(url.QueryEscape(text))
}
