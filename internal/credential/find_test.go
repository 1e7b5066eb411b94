package credential

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/credential/cloudtest"
	"infisicalfs/internal/devserver"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// variables is an environment.
type variables map[string]string

func (v variables) lookup(name string) (string, bool) { text, ok := v[name]; return text, ok }

// words are flags, by name.
type words map[string]string

func (w words) flags() *Flags {
	f := new(Flags)
	for name, value := range w {
		switch name {
		case "auth":
			f.Method = value
		case "identity-id":
			f.IdentityID = value
		case "organization-slug":
			f.OrganizationSlug = value
		case "strict":
			f.Strict = true
		case "remove-credential":
			f.Remove = true
		default:
			f.Set(name, value)
		}
	}
	return f
}

func find(w words, env variables) (Found, error) {
	s := Search{Flags: w.flags(), Lookup: env.lookup, surroundings: around(&cloudtest.World{}, env, "/nonexistent")} // whatever machine the tests run on
	return s.Find(context.Background())
}

func write(t *testing.T, text string) (path string) {
	path = filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestCredentialsOrder(t *testing.T) {
	file := write(t, "fake\n")
	identity := variables{"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID": "id", "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET": "fake"}
	short := variables{"INFISICAL_CLIENT_ID": "id", "INFISICAL_CLIENT_SECRET": "fake"}
	token := variables{"INFISICAL_TOKEN": "fake"}
	for _, c := range []struct {
		name   string
		flags  words
		env    []variables
		want   string
		method string
	}{
		{"a token file", words{"token-file": file}, nil, "--token-file", "token"},
		{"an identity by flags", words{"client-id": "id", "client-secret-file": file}, nil, "--client-id and --client-secret-file", "universal-auth"},
		{"an identity of the CLI's", nil, []variables{identity}, "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", "universal-auth"},
		{"an identity of the SDKs'", nil, []variables{short}, "INFISICAL_CLIENT_ID", "universal-auth"},
		{"the CLI's spelling first", nil, []variables{short, identity}, "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", "universal-auth"},
		{"a token", nil, []variables{token}, "INFISICAL_TOKEN", "token"},
		{"tokens", nil, []variables{token, {"INFISICAL_ACCESS_TOKEN": "fake"}}, "INFISICAL_TOKEN", "token"},
		{"tokens again", nil, []variables{token, {"INFISICAL_UNIVERSAL_AUTH_ACCESS_TOKEN": "fake"}}, "INFISICAL_UNIVERSAL_AUTH_ACCESS_TOKEN", "token"},
		{"flags before variables", words{"token-file": file}, []variables{token, identity}, "--token-file (not used: INFISICAL_TOKEN, INFISICAL_UNIVERSAL_AUTH_CLIENT_ID)", "token"},
		{"an empty variable is none", nil, []variables{identity, {"INFISICAL_TOKEN": ""}}, "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", "universal-auth"},
		{"half by flag", words{"client-id": "id"}, []variables{{"INFISICAL_CLIENT_SECRET": "fake"}}, "--client-id", "universal-auth"},
		{"the other half by flag", words{"client-secret-file": file}, []variables{{"INFISICAL_CLIENT_ID": "id"}}, "--client-secret-file", "universal-auth"},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := variables{}
			for _, v := range c.env {
				maps.Copy(env, v)
			}
			got, err := find(c.flags, env)
			require.NoError(t, err)
			require.Equal(t, c.want, got.String())
			require.Equal(t, c.method, got.Auth.Method())
			require.Equal(t, c.method, got.Method)
		})
	}
}

func TestCredentialsRefused(t *testing.T) {
	file := write(t, "fake")
	for _, c := range []struct {
		name  string
		flags words
		env   variables
		code  int
		says  string
	}{
		{"none", nil, nil, exitcode.Login, "no credentials"},
		{"two by flags", words{"token-file": file, "client-id": "id", "client-secret-file": file}, nil, exitcode.Login, "two credentials at once"},
		{"two by variables", nil, variables{"INFISICAL_TOKEN": "fake", "INFISICAL_CLIENT_ID": "id", "INFISICAL_CLIENT_SECRET": "fake"}, exitcode.Login, "two credentials at once"},
		{"half", nil, variables{"INFISICAL_CLIENT_ID": "id"}, exitcode.Config, "INFISICAL_CLIENT_ID without a client secret"},
		{"no secret", words{"client-id": "id"}, nil, exitcode.Config, "without a client secret"},
		{"no id", words{"client-secret-file": file}, nil, exitcode.Config, "without a client id"},
		{"no such file", words{"token-file": file + "x"}, nil, exitcode.Config, "cannot read"},
		{"an empty file", words{"token-file": write(t, " \n")}, nil, exitcode.Config, "is empty"},
		{"several lines", words{"token-file": write(t, "a\nb\n")}, nil, exitcode.Config, "more than one line"},
		{"a large file", words{"token-file": write(t, strings.Repeat("a", maxFile+1))}, nil, exitcode.Config, "more than one line"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := find(c.flags, c.env)
			require.ErrorContains(t, err, c.says)
			require.Equal(t, c.code, exitcode.Of(err))
			require.NotEmpty(t, hintOf(err))
			require.NotContains(t, err.Error(), "fake")
		})
	}
}

// Files of secrets and YAML leave line ends and blanks around what a variable
// holds. They are no part of it, as they are none in a file.
func TestCredentialsInVariablesAreTrimmed(t *testing.T) {
	server, err := devserver.New(devserver.Config{})
	require.NoError(t, err)
	defer server.Close()
	who := server.Credentials("viewer")
	token := server.UserToken()
	for name, env := range map[string]variables{
		"identity":      {"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID": who.ClientID + "\n", "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET": " " + who.ClientSecret + "\r\n"},
		"short":         {"INFISICAL_CLIENT_ID": "\t" + who.ClientID, "INFISICAL_CLIENT_SECRET": who.ClientSecret + "\n"},
		"token":         {"INFISICAL_TOKEN": " " + token + "\n"},
		"only a token":  {"INFISICAL_TOKEN": token + "\n", "INFISICAL_CLIENT_ID": "\n", "INFISICAL_CLIENT_SECRET": " "},
		"half by flag":  {"INFISICAL_CLIENT_SECRET": who.ClientSecret + "\n"},
		"other by flag": {"INFISICAL_CLIENT_ID": who.ClientID + " \n"},
	} {
		t.Run(name, func(t *testing.T) {
			flags := words{}
			switch name {
			case "half by flag":
				flags["client-id"] = who.ClientID + "\n"
			case "other by flag":
				flags["client-secret-file"] = write(t, who.ClientSecret+"\n")
			}
			got, err := find(flags, env)
			require.NoError(t, err)
			c, err := client.New(client.Config{URL: "http://127.0.0.1:1", Auth: got.Auth, Transport: devserver.Transport(server)})
			require.NoError(t, err)
			defer c.Close()
			_, err = c.Fetch(t.Context(), secret.Dir{Project: "demo", Env: "dev", Path: "/"}, nil)
			require.NoError(t, err)
		})
	}
}

// What has a blank or a line end inside cannot be a credential, and is said to
// have, without being repeated.
func TestCredentialsInPieces(t *testing.T) {
	for _, c := range []struct {
		flags words
		env   variables
		says  string
	}{
		{nil, variables{"INFISICAL_TOKEN": "fake1\nfake2"}, "INFISICAL_TOKEN has a line end inside"},
		{nil, variables{"INFISICAL_TOKEN": "fake1 fake2"}, "INFISICAL_TOKEN has a blank inside"},
		{nil, variables{"INFISICAL_TOKEN": "fake1\u202efake2"}, "INFISICAL_TOKEN has a character that no credential has inside"},
		{nil, variables{"INFISICAL_CLIENT_ID": "id", "INFISICAL_CLIENT_SECRET": "fake\r\nfake"}, "INFISICAL_CLIENT_SECRET has a line end inside"},
		{nil, variables{"INFISICAL_CLIENT_ID": "i d", "INFISICAL_CLIENT_SECRET": "fake"}, "INFISICAL_CLIENT_ID has a blank inside"},
		{words{"client-id": "i d"}, variables{"INFISICAL_CLIENT_SECRET": "fake"}, "--client-id has a blank inside"},
		{words{"client-id": "i\nd", "client-secret-file": write(t, "fake")}, nil, "--client-id has a line end inside"},
		{words{"token-file": write(t, "Bearer fake")}, nil, "has a blank inside"},
	} {
		_, err := find(c.flags, c.env)
		require.ErrorContains(t, err, c.says)
		require.Equal(t, exitcode.Config, exitcode.Of(err))
		require.NotContains(t, err.Error(), "fake")
	}
}

// A service token has four parts, of which the server wants three.
func TestBearer(t *testing.T) {
	require.Equal(t, "st.a.b", bearer("st.a.b.c"))
	require.Equal(t, "st.a.b", bearer("st.a.b"))
	require.Equal(t, "a.b.c.d", bearer("a.b.c.d"))
}

// hintOf is what an error says is to be done about it.
func hintOf(err error) string {
	own, _ := errors.AsType[*exitcode.Error](err)
	return own.Hint
}

// A file with a token is the same login only as long as the tokens in it are the same
// owner's: what one was shown is not for the next.
func TestTokensInAFileAreTheirOwners(t *testing.T) {
	jwt := func(claims string) string {
		return "eyJhbGciOiJub25lIn0." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	file := write(t, "")
	of := func(token string) string {
		require.NoError(t, os.WriteFile(file, []byte(token+"\n"), 0o600))
		found, err := find(words{"token-file": file}, nil)
		require.NoError(t, err)
		require.NotContains(t, found.Identity, "c2ln")
		return found.Identity
	}
	seen := map[string]bool{"": true}
	for _, c := range []struct{ one, other string }{
		{jwt(`{"identityId":"a","orgId":"o","n":1}`), jwt(`{"identityId":"a","orgId":"o","n":2}`)},
		{jwt(`{"identityId":"b","orgId":"o"}`), jwt(`{"identityId":"b","orgId":"o","exp":99999999999}`)},
		{jwt(`{"identityId":"b","orgId":"p"}`), jwt(`{"orgId":"p","identityId":"b"}`)},
		{jwt(`{"userId":"b","orgId":"o"}`), jwt(`{"userId":"b","orgId":"o","n":2}`)},
		{"st.a.c2ln.key", "st.a.c2ln"},
		{"st.b.c2ln.key", "st.b.c2ln"},
	} {
		require.False(t, seen[of(c.one)], c.one)
		seen[of(c.one)] = true
		require.Equal(t, of(c.one), of(c.other))
	}
	require.Empty(t, of("opaque"), "that may be anybody's")
}
