package options

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// variables is an environment.
type variables map[string]string

func (v variables) lookup(name string) (string, bool) { text, ok := v[name]; return text, ok }

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
		name    string
		options Server
		env     []variables
		want    string
		method  string
	}{
		{"a token file", Server{TokenFile: file}, nil, "--token-file", "token"},
		{"an identity by flags", Server{ClientID: "id", ClientSecretFile: file}, nil, "--client-id and --client-secret-file", "universal-auth"},
		{"an identity of the CLI's", Server{}, []variables{identity}, "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", "universal-auth"},
		{"an identity of the SDKs'", Server{}, []variables{short}, "INFISICAL_CLIENT_ID", "universal-auth"},
		{"the CLI's spelling first", Server{}, []variables{short, identity}, "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", "universal-auth"},
		{"a token", Server{}, []variables{token}, "INFISICAL_TOKEN", "token"},
		{"tokens", Server{}, []variables{token, {"INFISICAL_ACCESS_TOKEN": "fake"}}, "INFISICAL_TOKEN", "token"},
		{"tokens again", Server{}, []variables{token, {"INFISICAL_UNIVERSAL_AUTH_ACCESS_TOKEN": "fake"}}, "INFISICAL_UNIVERSAL_AUTH_ACCESS_TOKEN", "token"},
		{"flags before variables", Server{TokenFile: file}, []variables{token, identity}, "--token-file (not used: INFISICAL_TOKEN, INFISICAL_UNIVERSAL_AUTH_CLIENT_ID)", "token"},
		{"an empty variable is none", Server{}, []variables{identity, {"INFISICAL_TOKEN": ""}}, "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", "universal-auth"},
		{"half by flag", Server{ClientID: "id"}, []variables{{"INFISICAL_CLIENT_SECRET": "fake"}}, "--client-id and --client-secret-file", "universal-auth"},
		{"the other half by flag", Server{ClientSecretFile: file}, []variables{{"INFISICAL_CLIENT_ID": "id"}}, "--client-id and --client-secret-file", "universal-auth"},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := variables{}
			for _, v := range c.env {
				maps.Copy(env, v)
			}
			got, err := c.options.Credentials(env.lookup)
			require.NoError(t, err)
			require.Equal(t, c.want, got.String())
			require.Equal(t, c.method, got.Auth.Method())
		})
	}
}

func TestCredentialsRefused(t *testing.T) {
	file := write(t, "fake")
	for _, c := range []struct {
		name    string
		options Server
		env     variables
		code    int
		says    string
	}{
		{"none", Server{}, nil, exitcode.Login, "no credentials"},
		{"two by flags", Server{TokenFile: file, ClientID: "id", ClientSecretFile: file}, nil, exitcode.Config, "two credentials at once"},
		{"two by variables", Server{}, variables{"INFISICAL_TOKEN": "fake", "INFISICAL_CLIENT_ID": "id", "INFISICAL_CLIENT_SECRET": "fake"}, exitcode.Config, "two credentials at once"},
		{"half", Server{}, variables{"INFISICAL_CLIENT_ID": "id"}, exitcode.Config, "only one of INFISICAL_CLIENT_ID"},
		{"no secret", Server{ClientID: "id"}, nil, exitcode.Config, "without a client secret"},
		{"no id", Server{ClientSecretFile: file}, nil, exitcode.Config, "without a client id"},
		{"no such file", Server{TokenFile: file + "x"}, nil, exitcode.Config, "cannot read"},
		{"an empty file", Server{TokenFile: write(t, " \n")}, nil, exitcode.Config, "is empty"},
		{"several lines", Server{TokenFile: write(t, "a\nb\n")}, nil, exitcode.Config, "more than one line"},
		{"a large file", Server{TokenFile: write(t, strings.Repeat("a", maxSecretFile+1))}, nil, exitcode.Config, "more than one line"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.options.Credentials(c.env.lookup)
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
			options := Server{}
			switch name {
			case "half by flag":
				options.ClientID = who.ClientID + "\n"
			case "other by flag":
				options.ClientSecretFile = write(t, who.ClientSecret+"\n")
			}
			got, err := options.Credentials(env.lookup)
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
		options Server
		env     variables
		says    string
	}{
		{Server{}, variables{"INFISICAL_TOKEN": "fake1\nfake2"}, "INFISICAL_TOKEN has a line end inside"},
		{Server{}, variables{"INFISICAL_TOKEN": "fake1 fake2"}, "INFISICAL_TOKEN has a blank inside"},
		{Server{}, variables{"INFISICAL_TOKEN": "fake1\u202efake2"}, "INFISICAL_TOKEN has a character that no credential has inside"},
		{Server{}, variables{"INFISICAL_CLIENT_ID": "id", "INFISICAL_CLIENT_SECRET": "fake\r\nfake"}, "INFISICAL_CLIENT_SECRET has a line end inside"},
		{Server{}, variables{"INFISICAL_CLIENT_ID": "i d", "INFISICAL_CLIENT_SECRET": "fake"}, "INFISICAL_CLIENT_ID has a blank inside"},
		{Server{ClientID: "i d"}, variables{"INFISICAL_CLIENT_SECRET": "fake"}, "--client-id has a blank inside"},
		{Server{ClientID: "i\nd", ClientSecretFile: write(t, "fake")}, nil, "--client-id has a line end inside"},
		{Server{TokenFile: write(t, "Bearer fake")}, nil, "has a blank inside"},
	} {
		_, err := c.options.Credentials(c.env.lookup)
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
	value, err := readSecretFile("--token-file", write(t, "\tst.a.b.c \r\n"))
	require.NoError(t, err)
	require.True(t, value.Equal(secret.NewValue("st.a.b")))
}

// hintOf is what an error says is to be done about it.
func hintOf(err error) string {
	own, _ := errors.AsType[*exitcode.Error](err)
	return own.Hint
}
