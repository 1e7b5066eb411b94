package gcp

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/credential/cloudtest"
	"infisicalfs/internal/credential/internal/metadata"
	"infisicalfs/internal/exitcode"
)

const account = "robot@project.iam.gserviceaccount.com"

func keyFile(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "key.json")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// The token was made by Google's module golang.org/x/oauth2 v0.36.0 (jws.Encode); the
// module beside this package makes it anew.
func TestTokenIsGoogles(t *testing.T) {
	key, err := ReadKey("test", keyFile(t, cloudtest.GoogleKeyFile(account, "key-1")))
	require.NoError(t, err)
	require.Equal(t, account, key.Account)
	token, err := key.Sign("identity", time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	require.Equal(t, "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImtleS0xIn0.eyJpc3MiOiJyb2JvdEBwcm9qZWN0LmlhbS5nc2VydmljZWFjY291bnQuY29tIiwiYXVkIjoiaWRlbnRpdHkiLCJleHAiOjE3OTU3NDkwMDAsImlhdCI6MTc5NTc0ODQwMCwic3ViIjoicm9ib3RAcHJvamVjdC5pYW0uZ3NlcnZpY2VhY2NvdW50LmNvbSJ9.KT4Gxk8X9kru_jhEdlCmUGlac3XiBNrbx90sNm4EK0LEcb7KAStOSSZwU7-FLiVaCXnC-aPnnDRT6fhWE7MzWOU4ZNBDdZNlML9Kft7C4DwNYZg9fV80ZSCPxScD5gsPAHhmf7jYZKh7vZzeuiQFQGS1sYmKILCaVqy20qP1W81fa08Am6GJnH9yD5As6wWqFdddywVHKLt6sipPcyKvkrVLClNUs8HpUrPz1gq85FfgqyLLGU40qM0rCPt7JQZ1soZ_ywGl7XDeXhZRm7a69sROkJwAtk4p2wNs9-QreMFjocgRglTDBUIDwSRBQ65DCCOQ3hZjDOx7229KO6YORw", token.Reveal())
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", key, key, key), key.private.D.String())
}

func TestKeyFilesThatCannotBe(t *testing.T) {
	good := cloudtest.GoogleKeyFile(account, "key-1")
	for _, test := range []struct{ name, text, fails string }{
		{"no JSON", "canary", "is no JSON file of a key"},
		{"a person's", `{"type":"authorized_user","private_key":"canary"}`, `of the type "authorized_user"`},
		{"no id", cloudtest.GoogleKeyFile(account, ""), "has no private_key_id"},
		{"the account of virtual machines", cloudtest.GoogleKeyFile("1-compute@developer.gserviceaccount.com", "k"), "accepts no account of the form"},
		{"no PEM", strings.ReplaceAll(good, "BEGIN", "canary"), "private_key is not in PEM form"},
		{"no key", strings.ReplaceAll(good, "MII", "canary"), "private_key is"},
	} {
		_, err := ReadKey("--flag", keyFile(t, test.text))
		require.ErrorContains(t, err, test.fails, test.name)
		require.ErrorContains(t, err, "--flag", test.name)
		require.NotContains(t, err.Error(), "canary")
		var coded *exitcode.Error
		require.ErrorAs(t, err, &coded)
		require.Equal(t, exitcode.Config, coded.Code)
	}
	_, err := ReadKey("--flag", "/nonexistent")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestIDToken(t *testing.T) {
	const path = "GET 169.254.169.254/computeMetadata/v1/instance/service-accounts/default/identity"
	for _, test := range []struct {
		name  string
		world *cloudtest.World
		fails string
	}{
		{name: "token", world: &cloudtest.World{GCP: &cloudtest.GCP{Identity: func(audience string) string { return "a." + audience + ".c\n" }}}},
		{name: "no account", world: &cloudtest.World{GCP: &cloudtest.GCP{}}, fails: "no service account"},
		{name: "no token", world: &cloudtest.World{GCP: &cloudtest.GCP{Identity: func(string) string { return "canary" }}}, fails: "is no token"},
		{name: "a hotel's network", world: &cloudtest.World{Portal: true}, fails: "something else answers"},
		{name: "nothing", world: &cloudtest.World{}, fails: "no metadata service at 169.254.169.254"},
	} {
		m := metadata.New(metadata.Config{Lookup: func(string) (string, bool) { return "", false }, Transport: test.world})
		token, err := IDToken(context.Background(), m, "0b1d&x")
		require.Equal(t, []string{path}, test.world.Requests(), test.name)
		if test.fails == "" {
			require.NoError(t, err)
			require.Equal(t, "a.0b1d&x.c", token.Reveal())
			continue
		}
		require.ErrorContains(t, err, test.fails, test.name)
		require.NotContains(t, err.Error(), "canary")
		var coded *exitcode.Error
		require.ErrorAs(t, err, &coded)
		require.Equal(t, exitcode.Login, coded.Code)
	}
}
