package cloudtest

import (
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/json"
	"encoding/pem"
)

// KeyPEM is a private key that was made for tests and is of use nowhere.
//
//go:embed throwaway.pem
var KeyPEM string

// PublicKey is the public half of [KeyPEM].
func PublicKey() *rsa.PublicKey {
	block, _ := pem.Decode([]byte(KeyPEM))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		panic(err)
	}
	return &key.(*rsa.PrivateKey).PublicKey
}

// PublicKeyPEM is [PublicKey] in PEM.
func PublicKeyPEM() string {
	der, err := x509.MarshalPKIXPublicKey(PublicKey())
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// GoogleKeyFile is the content of a key file of a service account of Google Cloud.
func GoogleKeyFile(account, keyID string) string {
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "project", "private_key_id": keyID, "private_key": KeyPEM, "client_email": account,
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}
