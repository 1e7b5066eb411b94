package credential

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// How each method is found, and that it is the one that is asked for.
func TestMethodsAreFound(t *testing.T) {
	jwt := write(t, "a.b.c\n")
	id := variables{"INFISICAL_MACHINE_IDENTITY_ID": "id"}
	for name, c := range map[string]struct {
		flags words
		env   variables
		want  string
	}{
		"a service token":                   {nil, variables{"INFISICAL_TOKEN": "st.a.b.c"}, "token"},
		"in its own variable":               {nil, variables{"INFISICAL_SERVICE_TOKEN": "st.a.b.c"}, "service-token"},
		"kubernetes by its identity":        {words{"jwt-file": jwt}, variables{"INFISICAL_KUBERNETES_IDENTITY_ID": "id"}, "kubernetes"},
		"kubernetes by --auth":              {words{"auth": "kubernetes", "identity-id": "id", "jwt-file": jwt}, nil, "kubernetes"},
		"by the variable of the CLI":        {nil, variables{"INFISICAL_AUTH_METHOD": "jwt-auth", "INFISICAL_MACHINE_IDENTITY_ID": "id", "INFISICAL_JWT": "a.b.c"}, "jwt-auth"},
		"oidc by its own variable":          {nil, variables{"INFISICAL_OIDC_AUTH_JWT": "a.b.c", "INFISICAL_MACHINE_IDENTITY_ID": "id"}, "oidc-auth"},
		"oidc by a variable that is named":  {words{"oidc-token-env": "MINE", "identity-id": "id"}, variables{"MINE": "a.b.c"}, "oidc-auth"},
		"oidc by Terraform's":               {nil, variables{"INFISICAL_OIDC_AUTH_TOKEN_NAME": "MINE", "MINE": "a.b.c", "INFISICAL_MACHINE_IDENTITY_ID": "id"}, "oidc-auth"},
		"oidc in GitHub Actions":            {words{"identity-id": "id"}, variables{"ACTIONS_ID_TOKEN_REQUEST_URL": "https://x.invalid/?a=b", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"}, "oidc-auth"},
		"ldap":                              {nil, variables{"INFISICAL_LDAP_USERNAME": "me", "INFISICAL_LDAP_PASSWORD": "pass word", "INFISICAL_MACHINE_IDENTITY_ID": "id"}, "ldap-auth"},
		"a flag against the CLI's variable": {words{"token-file": jwt}, variables{"INFISICAL_AUTH_METHOD": "kubernetes"}, "token"},
		"spiffe":                            {words{"auth": "spiffe-auth", "jwt-file": jwt}, id, "spiffe-auth"},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := find(c.flags, c.env)
			require.NoError(t, err)
			require.Equal(t, c.want, found.Method)
			require.NotContains(t, found.String(), "a.b.c")
		})
	}
}

// A method that was picked and has no credential says what is missing.
func TestAPickedMethodSaysWhatIsMissing(t *testing.T) {
	for _, name := range Names() {
		switch name {
		case "aws-iam", "gcp-id-token", "azure", "oci-auth", "alicloud-auth", "kubernetes":
			continue // what is missing shows when the platform is asked
		}
		_, err := find(words{"auth": name, "identity-id": "id"}, nil)
		require.Error(t, err, name)
		require.Contains(t, []int{exitcode.Config, exitcode.Login}, exitcode.Of(err), name)
		require.Contains(t, hintOf(err), "give --", name)
		require.ErrorContains(t, err, name)
	}
	for _, name := range Names() {
		if m := methodNamed(name); m.Identity != nil {
			_, err := find(words{"auth": name}, nil)
			require.ErrorContains(t, err, "without the id of the machine identity", name)
			require.Equal(t, exitcode.Config, exitcode.Of(err), name)
		}
	}
	_, err := find(words{"auth": "magic"}, nil)
	require.ErrorContains(t, err, `--auth: there is no method "magic"`)
	require.Contains(t, hintOf(err), "tls-cert-auth")
}

// What was seen and does not say which method it is for is named.
func TestALooseCredentialIsNamed(t *testing.T) {
	_, err := find(nil, variables{"INFISICAL_JWT": "hunter2", "INFISICAL_MACHINE_IDENTITY_ID": "id"})
	require.ErrorIs(t, err, ErrNoCredentials.Err)
	require.ErrorContains(t, err, "INFISICAL_MACHINE_IDENTITY_ID, INFISICAL_JWT")
	require.Contains(t, hintOf(err), "--auth")
	require.NotContains(t, err.Error(), "hunter2")

	// A passphrase picks no method, but there is one that it can be for.
	_, err = find(nil, variables{"INFISICAL_VAULT_FILE_PASSPHRASE": "hunter2"})
	require.ErrorIs(t, err, ErrNoCredentials.Err)
	require.ErrorContains(t, err, "nobody is logged in with Infisical's own tool")
	require.Equal(t, "run infisical login", hintOf(err))
	require.Equal(t, exitcode.Login, exitcode.Of(err))

	// Nor does the name of a profile.
	for _, env := range []variables{{"INFISICAL_PROFILE": "work"}, {"INFISICAL_PROFILE": "work", "INFISICAL_VAULT_FILE_PASSPHRASE": "hunter2"}} {
		_, err = find(nil, env)
		require.ErrorIs(t, err, ErrNoCredentials.Err)
		require.ErrorContains(t, err, "INFISICAL_PROFILE")
		require.ErrorContains(t, err, "nobody is logged in with Infisical's own tool")
		require.Equal(t, "run infisical login", hintOf(err))
	}
}

func TestPassedOverWithReasons(t *testing.T) {
	env := variables{"INFISICAL_TOKEN": "a", "INFISICAL_CLIENT_ID": "id", "INFISICAL_CLIENT_SECRET": "fake"}
	found, err := find(words{"auth": "universal-auth"}, env)
	require.NoError(t, err)
	require.Equal(t, []Passed{{"INFISICAL_TOKEN", "--auth picks universal-auth"}}, found.Passed)
	found, err = find(words{"token-file": write(t, "a")}, env)
	require.NoError(t, err)
	require.Equal(t, []Passed{{"INFISICAL_TOKEN", "--token-file comes first"}, {"INFISICAL_CLIENT_ID", "--token-file comes first"}}, found.Passed)
}

// What systemd hands a unit: files with a newline, in a directory that can be missing.
func TestCredentialsOfSystemd(t *testing.T) {
	dir := t.TempDir()
	env := variables{"CREDENTIALS_DIRECTORY": dir}
	_, err := find(nil, env)
	require.ErrorContains(t, err, "$CREDENTIALS_DIRECTORY is set, but the directory is empty")
	require.Equal(t, exitcode.Login, exitcode.Of(err))
	_, err = find(nil, variables{"CREDENTIALS_DIRECTORY": filepath.Join(dir, "none")})
	require.ErrorContains(t, err, "cannot be read")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "other"), []byte("x"), 0o400))
	_, err = find(nil, env)
	require.ErrorIs(t, err, ErrNoCredentials)

	server, err := devserver.New(devserver.Config{})
	require.NoError(t, err)
	defer server.Close()
	who := server.Credentials("viewer")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "infisical-client-id"), []byte(who.ClientID+"\n"), 0o400))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "infisical-client-secret"), []byte(who.ClientSecret+"\n"), 0o400))
	found, err := find(nil, env)
	require.NoError(t, err)
	require.Equal(t, "infisical-client-id of systemd", found.From)
	require.Empty(t, found.Warnings)
	c, err := client.New(client.Config{URL: "http://127.0.0.1:1", Auth: found.Auth, Transport: devserver.Transport(server)})
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Login(t.Context()))

	env["INFISICAL_TOKEN"] = "a"
	found, err = find(nil, env)
	require.NoError(t, err)
	require.Equal(t, "INFISICAL_TOKEN (not used: infisical-client-id of systemd)", found.String())
}

func TestFilesThatOthersCanRead(t *testing.T) {
	file := write(t, "a")
	require.NoError(t, os.Chmod(file, 0o640))
	found, err := find(words{"token-file": file}, nil)
	require.NoError(t, err)
	require.Len(t, found.Warnings, 1)
	require.Contains(t, found.Warnings[0], "--token-file")
	_, err = find(words{"token-file": file, "strict": ""}, nil)
	require.ErrorContains(t, err, "can be read by others (mode 0640)")
	require.Equal(t, exitcode.Login, exitcode.Of(err))
	require.Equal(t, "chmod go= "+file, hintOf(err))

	found, err = find(words{"auth": "kubernetes", "identity-id": "id", "jwt-file": file, "strict": ""}, nil)
	require.NoError(t, err, "the kubelet writes them so")
	require.Empty(t, found.Warnings)
}

func TestACredentialIsRemovedOnceItIsRead(t *testing.T) {
	file := write(t, "a")
	flags := words{"token-file": file, "remove-credential": ""}
	look := Search{Flags: flags.flags(), Lookup: variables{}.lookup, ReadOnly: true}
	_, err := look.Find(context.Background())
	require.NoError(t, err)
	require.FileExists(t, file, "who only looks removes nothing")
	found, err := find(flags, nil)
	require.NoError(t, err)
	require.NoFileExists(t, file)

	server, err := devserver.New(devserver.Config{})
	require.NoError(t, err)
	defer server.Close()
	require.NoError(t, os.WriteFile(file, []byte(server.UserToken()), 0o600))
	found, err = find(flags, nil)
	require.NoError(t, err)
	c, err := client.New(client.Config{URL: "http://127.0.0.1:1", Auth: found.Auth, Transport: devserver.Transport(server)})
	require.NoError(t, err)
	defer c.Close()
	for range 2 {
		_, err = c.IsUser(t.Context())
		require.NoError(t, err, "what was read is kept")
	}
}

// The sub-organisation is asked for in the login. A token is of one already, which is said.
func TestASubOrganizationIsPicked(t *testing.T) {
	server, err := devserver.New(devserver.Config{})
	require.NoError(t, err)
	defer server.Close()
	require.NoError(t, server.Edit(func(e *devserver.Editor) error { return e.AddOrganization("branch", "admin") }))
	who := server.Credentials("admin")
	env := variables{"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID": who.ClientID, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET": who.ClientSecret}
	in := func(flags words) (string, error) {
		found, err := find(flags, env)
		require.NoError(t, err)
		require.Empty(t, found.Warnings)
		c, err := client.New(client.Config{URL: "http://127.0.0.1:1", Auth: found.Auth, Transport: devserver.Transport(server)})
		require.NoError(t, err)
		defer c.Close()
		is, err := c.Who(t.Context())
		return is.OrganizationID, err
	}
	own, err := in(nil)
	require.NoError(t, err)
	branch, err := in(words{"organization-slug": "branch"})
	require.NoError(t, err)
	require.NotEqual(t, own, branch)
	_, err = in(words{"organization-slug": "elsewhere"})
	require.ErrorIs(t, err, secret.ErrUnauthenticated)
	require.ErrorContains(t, err, "Sub organization with slug elsewhere not found")

	for _, flags := range []words{{"organization-slug": "branch"}, nil} {
		found, err := find(flags, variables{"INFISICAL_TOKEN": "fake"})
		require.NoError(t, err)
		require.Len(t, found.Warnings, len(flags))
	}
}

// A JWT that has ended is said to have, and shown to nobody.
func TestAJWTPastItsEnd(t *testing.T) {
	ended := "e30." + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp":%d}`, time.Now().Add(-time.Hour).Unix())) + ".x"
	_, err := find(nil, variables{"INFISICAL_TOKEN": ended})
	require.ErrorContains(t, err, "INFISICAL_TOKEN: the token has ended 1h0m")
	require.Equal(t, exitcode.Login, exitcode.Of(err))
	for past, want := range map[time.Duration]string{
		59*time.Second + 600*time.Millisecond: "1m0s", 48*time.Hour - time.Second: "47h59m59s", 48 * time.Hour: "2 days", 26388 * time.Hour: "1099 days",
	} {
		require.Equal(t, want, ago(past))
	}

	server, err := devserver.New(devserver.Config{})
	require.NoError(t, err)
	defer server.Close()
	found, err := find(words{"auth": "kubernetes", "identity-id": "id", "jwt-file": write(t, ended)}, nil)
	require.NoError(t, err)
	c, err := client.New(client.Config{URL: "http://127.0.0.1:1", Auth: found.Auth, Transport: devserver.Transport(server)})
	require.NoError(t, err)
	defer c.Close()
	err = c.Login(t.Context())
	require.ErrorContains(t, err, "has ended")
	require.Equal(t, exitcode.Login, exitcode.Of(err))
	require.Empty(t, server.Requests())
}

func TestServersThatAreTheSame(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"https://app.infisical.com", "https://app.infisical.com/api", true},
		{"https://app.infisical.com/", "app.infisical.com", true},
		{"https://App.infisical.com:443", "https://app.infisical.com/api/", true},
		{"https://app.infisical.com", "http://app.infisical.com", false},
		{"https://app.infisical.com", "https://eu.infisical.com", false},
		{"https://x.example.com/one", "https://x.example.com/two", false},
	} {
		require.Equal(t, c.want, SameServer(c.a, c.b), "%s %s", c.a, c.b)
	}
	s := Search{Server: "https://eu.infisical.com"}
	err := s.IssuedBy("the login", "https://app.infisical.com/api")
	require.ErrorContains(t, err, "it is not sent there")
	require.NoError(t, (&Search{Server: "https://app.infisical.com"}).IssuedBy("the login", "https://app.infisical.com/api"))
	s = Search{Server: "https://app.infisical.com", Default: true}
	require.NoError(t, s.IssuedBy("the login", "https://eu.infisical.com/api"))
	require.Equal(t, "https://eu.infisical.com/api", s.issuer)
}
