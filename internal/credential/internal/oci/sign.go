package oci

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"infisicalfs/internal/exitcode"
)

// Key is a user's API key.
type Key struct {
	User, Tenancy, Fingerprint, Region string

	private *rsa.PrivateKey
}

// String hides the key.
func (k *Key) String() string { return "API key of " + k.User }

// GoString hides the key from %#v.
func (k *Key) GoString() string { return k.String() }

// regionForm is what a region looks like that a server sends the request to; there are
// short names too, which are not addresses.
var regionForm = regexp.MustCompile(`^[a-z]{2}-[a-z]+-[0-9]+$`)

// Sign signs the request for the user's record. It returns the request's headers, with
// names in lower case: date, host and authorization. Whoever has them passes for the user
// where such proofs are accepted, for five minutes.
func Sign(k *Key, now time.Time) (map[string]string, error) {
	if !regionForm.MatchString(k.Region) {
		return nil, exitcode.Errorf(exitcode.Config, "write its identifier, such as eu-frankfurt-1", "Oracle's cloud: %q is no region", k.Region)
	}
	date, host := now.UTC().Format(http.TimeFormat), "identity."+k.Region+".oraclecloud.com"
	// Servers pass on no other header, so that no other may be signed.
	text := "date: " + date + "\n(request-target): get /20160918/users/" + k.User + "\nhost: " + host
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, sum[:])
	if err != nil {
		return nil, fmt.Errorf("signing with the API key of %s: %w", k.User, err)
	}
	return map[string]string{
		"date": date,
		"host": host,
		"authorization": fmt.Sprintf(`Signature version="1",headers="date (request-target) host",keyId="%s/%s/%s",algorithm="rsa-sha256",signature="%s"`,
			k.Tenancy, k.User, k.Fingerprint, base64.StdEncoding.EncodeToString(signature)),
	}, nil
}
