package oci

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/credential/cloudtest"
	"infisicalfs/internal/exitcode"
)

const config = "[DEFAULT]\nuser=ocid1.user.oc1..u\nfingerprint = aa:bb\ntenancy=ocid1.tenancy.oc1..t\nregion=eu-frankfurt-1\nkey_file=~/.oci/key.pem\n\n# another\n[WORK]\nuser=ocid1.user.oc1..w\n"

// place is a home with a configuration file and a key.
func place(t *testing.T) map[string]string {
	home := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(home, ".oci"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(home, ".oci/config"), []byte(config), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(home, ".oci/key.pem"), []byte(cloudtest.KeyPEM), 0o600))
	return map[string]string{"HOME": home}
}

func lookup(environment map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { text, ok := environment[name]; return text, ok }
}

// The signature was made by Oracle's signer, github.com/oracle/oci-go-sdk v65.130.0
// (common.DefaultRequestSigner); the module beside this package makes it anew.
func TestSignatureIsOracles(t *testing.T) {
	key, err := Find(lookup(place(t)))
	require.NoError(t, err)
	headers, err := Sign(key, time.Date(2026, 11, 27, 4, 0, 0, 0, time.FixedZone("", 3600)))
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"date": "Fri, 27 Nov 2026 03:00:00 GMT",
		"host": "identity.eu-frankfurt-1.oraclecloud.com",
		"authorization": `Signature version="1",headers="date (request-target) host",keyId="ocid1.tenancy.oc1..t/ocid1.user.oc1..u/aa:bb",algorithm="rsa-sha256",` +
			`signature="s85LtHpHbgH3vXhRUWCF2KgRsrdQc4zSq7YQ8GJdqBON6qRFoOzHW2acMXfTX8XLdW0Aswobz3v7IrnR60MQU2cv7Y+r85xUTo49Ms1WxTA6XkNA+Yxtgb3UaXpieSFOFLIIAJFBfOoFAHDFuWUzoPwPyiFObs+S3Yizgl7QJo+Tmrfp9ib286fccvMNsiMmJCDgZZ/6cUv0g7KItXgA5gfrCgfVcc3c4ScrQLoKvniCrCTfAODc0L7cq63YI5LrkX1fzjy9gZWq7r1x4Qlc5x771tvbQ1feWyuIcYckPz+adV51I48/go8gdLpiCLwuCO1h2fvi+v3LO8d6VCXQ0w=="`,
	}, headers)
}

func TestFind(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(t *testing.T, e map[string]string)
		user   string
		fails  string
		code   int
	}{
		{name: "default", user: "ocid1.user.oc1..u"},
		{name: "profile", change: func(_ *testing.T, e map[string]string) { e["OCI_CLI_PROFILE"] = "WORK" }, user: "ocid1.user.oc1..w"},
		{name: "variables win", change: func(_ *testing.T, e map[string]string) { e["OCI_CLI_USER"] = "ocid1.user.oc1..v" }, user: "ocid1.user.oc1..v"},
		{name: "variables alone", change: func(_ *testing.T, e map[string]string) {
			e["HOME"], e["OCI_CLI_USER"], e["OCI_CLI_TENANCY"], e["OCI_CLI_FINGERPRINT"], e["OCI_CLI_REGION"], e["OCI_CLI_KEY_CONTENT"] = "", "u", "t", "f", "eu-frankfurt-1", cloudtest.KeyPEM
		}, user: "u"},
		{name: "nothing", change: func(_ *testing.T, e map[string]string) { e["HOME"] = "/nonexistent" }, fails: ErrNone.Error(), code: exitcode.Login},
		{name: "named file is missing", change: func(_ *testing.T, e map[string]string) { e["OCI_CLI_CONFIG_FILE"] = "/nonexistent" }, fails: "no such file", code: exitcode.Config},
		{name: "missing profile", change: func(_ *testing.T, e map[string]string) { e["OCI_CLI_PROFILE"] = "P" }, fails: `no profile "P"`, code: exitcode.Config},
		{name: "incomplete", change: func(_ *testing.T, e map[string]string) { e["HOME"], e["OCI_CLI_USER"] = "", "u" }, fails: "lacks tenancy", code: exitcode.Config},
		{name: "no key", change: func(t *testing.T, e map[string]string) { e["OCI_CLI_KEY_FILE"] = filepath.Join(e["HOME"], "no") }, fails: "no such file", code: exitcode.Config},
		{name: "encrypted key", change: func(_ *testing.T, e map[string]string) {
			e["OCI_CLI_KEY_CONTENT"] = strings.ReplaceAll(cloudtest.KeyPEM, "PRIVATE", "ENCRYPTED PRIVATE")
		}, fails: "has a passphrase", code: exitcode.Config},
		{name: "no PEM", change: func(_ *testing.T, e map[string]string) { e["OCI_CLI_KEY_CONTENT"] = "canary" }, fails: "is not in PEM form", code: exitcode.Config},
		{name: "session", change: func(t *testing.T, e map[string]string) {
			require.NoError(t, os.WriteFile(filepath.Join(e["HOME"], ".oci/config"), []byte(config+"security_token_file=t\n"), 0o600))
			e["OCI_CLI_PROFILE"] = "WORK"
		}, fails: "is of a session", code: exitcode.Config},
	} {
		t.Run(test.name, func(t *testing.T) {
			environment := place(t)
			if test.change != nil {
				test.change(t, environment)
			}
			key, err := Find(lookup(environment))
			if test.fails == "" {
				require.NoError(t, err)
				require.Equal(t, test.user, key.User)
				require.NotEmpty(t, Hint(lookup(environment)))
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", key, key, key), key.private.D.String())
				return
			}
			require.ErrorContains(t, err, test.fails)
			require.NotContains(t, err.Error(), "canary")
			var coded *exitcode.Error
			require.ErrorAs(t, err, &coded)
			require.Equal(t, test.code, coded.Code)
			require.NotEmpty(t, coded.Hint)
		})
	}
	require.Empty(t, Hint(lookup(map[string]string{"HOME": "/nonexistent"})))
}

func TestRegionsThatCannotBe(t *testing.T) {
	key, err := Find(lookup(place(t)))
	require.NoError(t, err)
	for _, region := range []string{"fra", "eu-frankfurt-1.evil.example", ""} {
		key.Region = region
		_, err := Sign(key, time.Now())
		require.ErrorContains(t, err, "is no region")
	}
}
