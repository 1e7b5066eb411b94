package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// loginRow is a method of logging in and what it is given in one world: variables and
// flags with which it works, and some with which the server refuses it.
type loginRow struct {
	method string
	set    func(t *testing.T, w *world, identityID string) (good, wrong given)
	lacks  int // exit code if the server has no such route
}

type given struct{ environ, flags []string }

var subject = map[string]any{"iss": "https://issuer.invalid", "sub": "system:serviceaccount:shop:web", "aud": "infisical"}

// loginRows has a row for each method that needs nothing around it but the server.
var loginRows = []loginRow{
	{"universal-auth", func(t *testing.T, w *world, _ string) (good, wrong given) {
		who := w.Credentials("viewer")
		id := "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=" + who.ClientID
		return given{[]string{id, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=" + who.ClientSecret}, nil},
			given{[]string{id, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=hunter2"}, nil}
	}, 7},
	{"kubernetes", func(t *testing.T, w *world, id string) (good, wrong given) {
		w.edit(t, func(e *devserver.Editor) error {
			return e.SetLogin("viewer", devserver.Login{Method: "kubernetes-auth", Subject: "system:serviceaccount:shop:*", Audiences: []string{"infisical"}})
		})
		identity := "INFISICAL_KUBERNETES_IDENTITY_ID=" + id
		return given{[]string{identity, "INFISICAL_KUBERNETES_SERVICE_ACCOUNT_TOKEN_PATH=" + w.jwt(t, subject)}, nil},
			given{[]string{identity, "INFISICAL_KUBERNETES_SERVICE_ACCOUNT_TOKEN_PATH=" + w.jwt(t, map[string]any{"sub": "system:serviceaccount:other:web", "aud": "infisical"})}, nil}
	}, 4},
	{"oidc-auth", func(t *testing.T, w *world, id string) (good, wrong given) {
		w.edit(t, func(e *devserver.Editor) error {
			return e.SetLogin("viewer", devserver.Login{Method: "oidc-auth", Issuer: "https://issuer.invalid", Subject: "system:serviceaccount:shop:*"})
		})
		identity := "INFISICAL_OIDC_AUTH_IDENTITY_ID=" + id
		return given{[]string{identity, "CI_TOKEN=" + strings.TrimSpace(readFile(t, w.jwt(t, subject)))}, []string{"--oidc-token-env=CI_TOKEN"}},
			given{[]string{identity, "CI_TOKEN=" + readFile(t, w.jwt(t, map[string]any{"iss": "https://issuer.invalid", "sub": "x"}))}, []string{"--oidc-token-env=CI_TOKEN"}}
	}, 4},
	{"jwt-auth", func(t *testing.T, w *world, id string) (good, wrong given) {
		w.edit(t, func(e *devserver.Editor) error {
			return e.SetLogin("viewer", devserver.Login{Method: "jwt-auth", Issuer: "https://issuer.invalid", Audiences: []string{"infisical"}})
		})
		flags := []string{"--auth=jwt-auth", "--identity-id=" + id}
		return given{nil, append(flags, "--jwt-file="+w.jwt(t, subject))},
			given{[]string{"INFISICAL_JWT=hunter2.hunter2.hunter2"}, flags}
	}, 4},
	{"ldap-auth", func(t *testing.T, w *world, id string) (good, wrong given) {
		w.edit(t, func(e *devserver.Editor) error {
			return e.SetLogin("viewer", devserver.Login{Method: "ldap-auth", Username: "web", Password: "pass word"})
		})
		environ := []string{"INFISICAL_LDAP_AUTH_IDENTITY_ID=" + id, "INFISICAL_LDAP_USERNAME=web"}
		return given{environ, []string{"--ldap-password-file=" + w.file(t, "pass word\n")}},
			given{append(environ, "INFISICAL_LDAP_PASSWORD=hunter2"), nil}
	}, 4},
}

// Each method over live mounts, with the number of logins.
func TestEveryMethodOverALiveMount(t *testing.T) {
	t.Parallel()
	liveLogins(t, loginRows)
}

// liveLogins tries what each method has to do, on a world of its own.
func liveLogins(t *testing.T, rows []loginRow) {
	for _, row := range rows {
		t.Run(row.method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, devserver.Config{})
			good, wrong := row.set(t, w, w.Credentials("viewer").IdentityID)
			liveLogin(t, w, row, good, wrong)
		})
	}
}

// liveLogin tries what each method has to do on one world.
func liveLogin(t *testing.T, w *world, row loginRow, good, wrong given) {
	good.environ = append(append(cleanEnviron(), "INFISICAL_API_URL="+w.url), good.environ...)
	wrong.environ = append(append(cleanEnviron(), "INFISICAL_API_URL="+w.url), wrong.environ...)
	asked := func(route string) (n int) {
		for _, r := range w.Requests() {
			if strings.HasSuffix(r.Path, route) {
				n++
			}
		}
		return n
	}
	logins := func() int { return asked("/login") }
	m := w.mountIn(t, program, good.environ, append([]string{"--ttl=0s", "--max-stale=0s"}, good.flags...)...)
	require.Equal(t, "hello, world", readFile(t, m.path("demo/dev/GREETING")))
	require.Equal(t, 1, logins(), "one login for a mount")

	w.edit(t, func(e *devserver.Editor) error { return e.Revoke("viewer") })
	require.Equal(t, "hello, world", readFile(t, m.path("demo/dev/GREETING")))
	require.Equal(t, 2, logins(), "one more for a token that was revoked")

	w.Inject(devserver.Fault{Times: 1, Match: notLogin, Status: 403, Body: `{"statusCode":403,"error":"TokenError","message":"Your token has expired. Please re-authenticate."}`})
	require.Equal(t, "hello, world", readFile(t, m.path("demo/dev/GREETING")))
	require.Equal(t, 3, logins(), "and one for a token that has ended")

	// Refused for good: said once, and not asked again and again.
	remove := w.Inject(devserver.Fault{Match: isLogin, Status: 401, Body: `{"statusCode":401,"error":"UnauthorizedError","message":"Access denied"}`})
	w.edit(t, func(e *devserver.Editor) error { return e.Revoke("viewer") })
	for range 5 {
		_, err := os.ReadFile(m.path("demo/dev/GREETING"))
		require.ErrorIs(t, err, os.ErrPermission)
	}
	require.Equal(t, 4, logins())
	remove()

	// Read again from where it comes: one more, whose token is revoked at the end.
	m.hangUp(t)
	require.Equal(t, "hello, world", readFile(t, m.path("demo/dev/GREETING")))
	require.Equal(t, 5, logins())
	before := asked("/revoke")
	m.unmount(t)
	require.Equal(t, before+1, asked("/revoke"))

	refused := func(g given, code int) string {
		w.ResetRequests()
		cmd := exec.Command(program, append(append([]string{"mount"}, g.flags...), m.dir)...)
		cmd.Env = g.environ
		out, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Equal(t, code, cmd.ProcessState.ExitCode(), "%s", out)
		require.Equal(t, 1, logins(), "%s", out)
		require.NotContains(t, string(out), "hunter2")
		return string(out)
	}
	refused(wrong, 4)

	w.Inject(devserver.Fault{Match: isLogin, Status: 404, Body: `{"message":"Route POST:/x not found","error":"Not Found","statusCode":404}`})
	out := refused(good, row.lacks)
	if row.lacks == 4 {
		require.Contains(t, out, "does not have the method "+row.method)
	}
}

// Tokens that somebody else has obtained: nobody logs in, and what is refused stays refused.
func TestHandedTokensOverALiveMount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devserver.Config{})
	w.edit(t, func(e *devserver.Editor) error {
		return e.AddServiceToken("service", "demo", true, devserver.ServiceScope{Environment: "dev", SecretPath: "/**"})
	})
	for name, token := range map[string]string{"token": w.UserToken(), "service-token": w.ServiceToken("service")} {
		t.Run(name, func(t *testing.T) {
			m := w.mountIn(t, program, append(cleanEnviron(), "INFISICAL_API_URL="+w.url, "INFISICAL_TOKEN="+token), "--ttl=0s", "--max-stale=0s", "--debug")
			proof := strings.Split(token, ".")[2] // of either kind
			inProcesses(t, proof)
			projects, err := os.ReadDir(m.path())
			require.NoError(t, err)
			project := ""
			for _, p := range projects {
				if p.Name() != ".infisicalfs" {
					project = p.Name()
				}
			}
			require.Equal(t, "hello, world", readFile(t, m.path(project, "dev/GREETING")))
			if name == "service-token" {
				require.NoError(t, os.WriteFile(m.path(project, "dev/NEW"), []byte("x"), 0o600))
				_, stored := w.Lookup("demo", "dev", "/", "NEW")
				require.True(t, stored)
			}
			remove := w.Inject(devserver.Fault{Status: 403, Body: `{"statusCode":403,"error":"TokenError","message":"Your token has expired. Please re-authenticate."}`})
			defer remove()
			for range 3 {
				_, err = os.ReadFile(m.path(project, "dev/GREETING"))
				require.ErrorIs(t, err, os.ErrPermission)
			}
			remove()
			require.NotContains(t, readFile(t, m.path(".infisicalfs/status")), proof)
			m.unmount(t)
			require.NotContains(t, readFile(t, m.log), proof)
			cmd := exec.Command(program, "mount", m.dir)
			cmd.Env = append(cleanEnviron(), "INFISICAL_API_URL="+w.url, "INFISICAL_TOKEN="+strings.Replace(token, ".", ".0", 1))
			out, err := cmd.CombinedOutput()
			require.Error(t, err)
			require.Equal(t, 4, cmd.ProcessState.ExitCode(), "%s", out)
			require.NotContains(t, string(out), proof)
		})
	}
	for _, r := range w.Requests() {
		require.NotContains(t, r.Path, "/login")
		require.NotContains(t, r.Path, "/revoke", "they are not ours")
	}
}

// Who mounts is told so now, and not by errors of reads in an hour.
func TestATokenWithFewUsesIsRefusedForAMount(t *testing.T) {
	w := newWorld(t, devserver.Config{Token: devserver.TokenConfig{NumUses: 50}})
	cmd := exec.Command(program, "mount", w.tmp)
	cmd.Env = w.environ("viewer")
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Equal(t, 4, cmd.ProcessState.ExitCode(), "%s", out)
	require.Contains(t, string(out), "good for 50 uses only")
	require.Contains(t, string(out), "hint: raise the number of uses")
}

func isLogin(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/login") }

// file is a file of the user's own with that content.
func (w *world) file(t *testing.T, text string) string {
	f, err := os.CreateTemp(w.tmp, "file-")
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteString(text)
	require.NoError(t, err)
	return f.Name()
}

// jwt is a file with a JWT that the server trusts, with a newline behind it.
func (w *world) jwt(t *testing.T, claims map[string]any) string {
	return w.file(t, w.IssueJWT(claims)+"\n")
}
