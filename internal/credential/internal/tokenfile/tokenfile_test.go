package tokenfile

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/credential/cloudtest"
	"infisicalfs/internal/exitcode"
)

func write(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestToken(t *testing.T) {
	for _, test := range []struct{ text, token, fails string }{
		{"a.b.c\n", "a.b.c", ""},
		{"\r\n a.b.c\r\n\n", "a.b.c", ""},
		{"a.b.c", "a.b.c", ""},
		{" \n", "", "is empty"},
		{"a.b.c\ncanary\n", "", "more than one token"},
		{"a\x00canary", "", "more than one token"},
		{strings.Repeat("canary", maxSize/6+1), "", "larger than 1 MiB"},
	} {
		token, err := Token("--flag", write(t, test.text))
		if test.fails == "" {
			require.NoError(t, err)
			require.Equal(t, test.token, token.Reveal())
			continue
		}
		require.ErrorContains(t, err, test.fails)
		require.ErrorContains(t, err, "--flag")
		require.NotContains(t, err.Error(), "canary")
		require.Equal(t, exitcode.Config, exitcode.Of(err))
	}
}

// What is no regular file is refused at once: nobody may ever write to a pipe.
func TestWhatIsNoFile(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	for path, says := range map[string]string{pipe: "no regular file", "/dev/zero": "no regular file", t.TempDir(): "no regular file", pipe + "x": "no such file"} {
		_, err := Token("--flag", path)
		require.ErrorContains(t, err, says)
	}
}

func TestRSAKey(t *testing.T) {
	key, err := RSAKey([]byte(cloudtest.KeyPEM))
	require.NoError(t, err)
	require.Equal(t, cloudtest.PublicKey(), &key.PublicKey)
	for text, says := range map[string]string{
		"canary": "not in PEM form",
		strings.ReplaceAll(cloudtest.KeyPEM, "PRIVATE", "ENCRYPTED PRIVATE"): "has a passphrase",
		cloudtest.PublicKeyPEM(): "is no key for RSA",
		"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n": "has a passphrase",
	} {
		_, err := RSAKey([]byte(text))
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "canary")
	}
}
