package official

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2/jws"

	"infisicalfs/internal/credential/cloudtest"
	"infisicalfs/internal/credential/internal/gcp"
)

func TestGCP(t *testing.T) {
	const account = "robot@project.iam.gserviceaccount.com"
	path := filepath.Join(t.TempDir(), "key.json")
	require.NoError(t, os.WriteFile(path, []byte(cloudtest.GoogleKeyFile(account, "key-1")), 0o600))
	key, err := gcp.ReadKey("test", path)
	require.NoError(t, err)
	now := time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)
	token, err := key.Sign("identity", now)
	require.NoError(t, err)

	block, _ := pem.Decode([]byte(cloudtest.KeyPEM))
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	require.NoError(t, err)
	want, err := jws.Encode(&jws.Header{Algorithm: "RS256", Typ: "JWT", KeyID: "key-1"},
		&jws.ClaimSet{Iss: account, Sub: account, Aud: "identity", Iat: now.Unix(), Exp: now.Add(10 * time.Minute).Unix()}, private.(*rsa.PrivateKey))
	require.NoError(t, err)
	require.Equal(t, want, token.Reveal())
	require.NoError(t, jws.Verify(token.Reveal(), cloudtest.PublicKey()))
	t.Log(want)
}
