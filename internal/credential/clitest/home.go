package clitest

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Login is a person's, kept in the file vault.
type Login struct {
	Key    string // what it is kept under: the e-mail address or the name of the profile
	Domain string // as the tool writes it, with /api
	Token  string

	Passphrase string            // of the vault; it is in the configuration, too, but for Unkept
	Unkept     bool              // the passphrase is in no file
	Backend    string            // empty: file
	Directory  map[string]string // bound to profiles
	Profile    bool              // the layout of autumn 2026
}

// LogIn leaves the files of a login in a home directory.
func LogIn(t testing.TB, home string, l Login) {
	t.Helper()
	if l.Backend == "" {
		l.Backend = "file"
	}
	config := map[string]any{
		"loggedInUserEmail": l.Key, "LoggedInUserDomain": l.Domain,
		"loggedInUsers":    []any{map[string]any{"email": l.Key, "domain": l.Domain}},
		"domains":          []any{strings.TrimSuffix(l.Domain, "/api")},
		"vaultBackendType": l.Backend,
	}
	if l.Profile {
		email, _, _ := strings.Cut(l.Key, "--")
		config = map[string]any{
			"activeProfile": l.Key, "directoryProfiles": l.Directory, "vaultBackendType": l.Backend,
			"profiles": []any{map[string]any{"name": l.Key, "email": email, "domain": l.Domain, "organizationSlug": "acme"}},
		}
	}
	if !l.Unkept {
		config["vaultBackendPassphrase"] = base64.StdEncoding.EncodeToString([]byte(l.Passphrase))
	}
	Config(t, home, config)
	Vault(t, home, l.Key, Seal(t, Entry(t, l.Key, l.Token), l.Passphrase))
}

// Config writes the configuration alone.
func Config(t testing.TB, home string, config any) {
	t.Helper()
	text, err := json.Marshal(config)
	require.NoError(t, err)
	dir := filepath.Join(home, ".infisical")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "infisical-config.json"), text, 0o600))
}

// Vault writes one file of the vault, whatever it holds.
func Vault(t testing.TB, home, key string, file []byte) {
	t.Helper()
	dir := filepath.Join(home, "infisical-keyring")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	name := strings.ReplaceAll(strings.ReplaceAll(key, "%", "%25"), "/", "%2F")
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), file, 0o600))
}
