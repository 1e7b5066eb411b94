package store

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"time"
)

// issuerKeyID is what the JWTs say that they are signed with.
const issuerKeyID = "dev"

// IssueJWT signs claims as an issuer would that all methods with JWTs trust: a cluster, a
// CI system, a cloud (ES256).
func (st *State) IssueJWT(claims map[string]any) string {
	header, _ := json.Marshal(map[string]string{"alg": "ES256", "typ": "JWT", "kid": issuerKeyID})
	payload, _ := json.Marshal(claims)
	text := Base64url(header) + "." + Base64url(payload)
	digest := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, st.issuer(), digest[:])
	if err != nil {
		panic(err) // no key that we make fails
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + Base64url(signature)
}

// issuer is the key, made when it is first wanted.
func (st *State) issuer() *ecdsa.PrivateKey {
	if parsed, err := x509.ParsePKCS8PrivateKey(st.IssuerKey); err == nil {
		if key, ok := parsed.(*ecdsa.PrivateKey); ok {
			return key
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // as rand.Read, never fails
	}
	st.IssuerKey, _ = x509.MarshalPKCS8PrivateKey(key)
	return key
}

// What is wrong with a JWT.
var (
	ErrMalformed = errors.New("jwt malformed")
	ErrSignature = errors.New("invalid signature")
	ErrExpired   = errors.New("jwt expired")
)

// ReadJWT takes a JWT apart: its header, its claims, what was signed and the signature.
func ReadJWT(text string) (header map[string]string, claims map[string]any, signed string, signature []byte, err error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, nil, "", nil, ErrMalformed
	}
	for i, into := range []any{&header, &claims} {
		part, err := base64.RawURLEncoding.Strict().DecodeString(parts[i])
		if err != nil || strings.ContainsAny(parts[i], "\r\n") || json.Unmarshal(part, into) != nil {
			return nil, nil, "", nil, ErrMalformed
		}
	}
	signature, err = base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || strings.ContainsAny(parts[2], "\r\n") { // which the decoder passes over
		return nil, nil, "", nil, ErrMalformed
	}
	return header, claims, parts[0] + "." + parts[1], signature, nil
}

// VerifyJWT returns the claims of a JWT that IssueJWT has made and that has not ended.
func (st *State) VerifyJWT(text string, now time.Time) (map[string]any, error) {
	header, claims, signed, signature, err := ReadJWT(text)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256([]byte(signed))
	if header["alg"] != "ES256" || len(signature) != 64 ||
		!ecdsa.Verify(&st.issuer().PublicKey, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return nil, ErrSignature
	}
	return claims, NotEnded(claims, now)
}

// NotEnded is an error for claims that have ended, and nil for those without an end.
func NotEnded(claims map[string]any, now time.Time) error {
	if end, ok := claims["exp"].(float64); ok && now.Unix() >= int64(end) {
		return ErrExpired
	}
	return nil
}
