package gcp

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"infisicalfs/internal/credential/internal/tokenfile"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// life is how long what is signed here is valid: for one login.
const life = 10 * time.Minute

// accountForm is the only form of a service account that servers accept. The accounts that
// Google makes for its own services have others.
var accountForm = regexp.MustCompile(`^[a-z0-9-]+@[a-z0-9-]+\.iam\.gserviceaccount\.com$`)

// Key is a service account's key.
type Key struct {
	Account string // its address
	id      string
	private *rsa.PrivateKey
}

// String hides the key.
func (k *Key) String() string { return "key of " + k.Account }

// GoString hides the key from %#v.
func (k *Key) GoString() string { return k.String() }

// ReadKey reads a key file as Google's console makes it. From says in an error who named
// the file. Errors are an [exitcode.Error].
func ReadKey(from, path string) (*Key, error) {
	text, err := tokenfile.Read(from, path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Type  string `json:"type"`
		ID    string `json:"private_key_id"`
		Key   string `json:"private_key"`
		Email string `json:"client_email"`
	}
	const hint = "name the JSON file of a key of a service account (type service_account)"
	switch err := json.Unmarshal(text, &file); {
	case err != nil:
		return nil, exitcode.Errorf(exitcode.Config, hint, "%s: %s is no JSON file of a key", from, path)
	case file.Type != "service_account":
		return nil, exitcode.Errorf(exitcode.Config, hint, "%s: %s is no key of a service account but of the type %q", from, path, file.Type)
	case file.ID == "" || file.Email == "":
		return nil, exitcode.Errorf(exitcode.Config, hint, "%s: %s has no private_key_id or no client_email", from, path)
	case !accountForm.MatchString(file.Email):
		return nil, exitcode.Errorf(exitcode.Config, "make a service account of your own in the project", "%s: Infisical accepts no account of the form %s", from, file.Email)
	}
	private, err := tokenfile.RSAKey([]byte(file.Key))
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Config, hint, "%s: %s: private_key %w", from, path, err)
	}
	return &Key{Account: file.Email, id: file.ID, private: private}, nil
}

// Sign returns a JWT that says who the account is, for the audience, valid for ten
// minutes.
func (k *Key) Sign(audience string, now time.Time) (secret.Value, error) {
	header, err := json.Marshal(struct {
		Algorithm string `json:"alg"`
		Type      string `json:"typ"`
		KeyID     string `json:"kid"`
	}{"RS256", "JWT", k.id})
	if err != nil {
		return secret.Value{}, err
	}
	claims, err := json.Marshal(struct {
		Issuer   string `json:"iss"`
		Audience string `json:"aud"`
		Expires  int64  `json:"exp"`
		Issued   int64  `json:"iat"`
		Subject  string `json:"sub"`
	}{k.Account, audience, now.Add(life).Unix(), now.Unix(), k.Account})
	if err != nil {
		return secret.Value{}, err
	}
	text := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, sum[:])
	if err != nil {
		return secret.Value{}, fmt.Errorf("signing with the key of %s: %w", k.Account, err)
	}
	return secret.NewValue(text + "." + base64.RawURLEncoding.EncodeToString(signature)), nil
}
