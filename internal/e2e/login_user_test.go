package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/credential"
	"infisicalfs/internal/credential/clitest"
	"infisicalfs/internal/devserver"
)

// withoutLogin are the methods of which no cell of the table has a login: somebody else
// has obtained the token, so the server has no route that it could lack, and what has
// ended or was revoked is read again where it came from, and never asked for. Each has a
// test of its own.
var withoutLogin = []string{"token", "service-token", "user"}

// Each method is tried over a live mount.
func TestEveryMethodHasATrial(t *testing.T) {
	tried := append([]string{"tls-cert-auth"}, withoutLogin...) // which needs a server of its own
	for _, row := range append(append([]loginRow{}, loginRows...), cloudRows...) {
		tried = append(tried, row.method)
	}
	require.ElementsMatch(t, credential.Names(), tried)
}

// A person who is logged in with Infisical's own tool: the token is taken from its files,
// and read again there when the server refuses it or on SIGHUP. Nobody logs in, and one
// that has ended is said to have and not sent.
func TestAPersonOverALiveMount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devserver.Config{})
	w.edit(t, func(e *devserver.Editor) error { return e.SetPersonal("demo", "dev", "/", "GREETING", "mine") })
	home := t.TempDir()
	logIn := func(token string) {
		clitest.LogIn(t, home, clitest.Login{Key: "a@example.com", Domain: w.url + "/api", Token: token, Passphrase: "canary horse"})
	}
	first := w.UserToken()
	logIn(first)
	environ := append(cleanEnviron(), "HOME="+home, "INFISICAL_API_URL="+w.url, "DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere")
	m := w.mountIn(t, program, environ, "--auth=user", "--ttl=0s", "--max-stale=0s")
	greeting := m.path("demo/dev/GREETING")
	require.Equal(t, "mine", readFile(t, greeting), "the person's own override")
	require.ErrorIs(t, os.WriteFile(greeting, []byte("x"), 0o600), unix.EPERM, "which would be for the shared value")
	require.Equal(t, "demo", readFile(t, m.path("demo/dev/DB_USER")), "and what has none is shared")

	// The server refuses the token, and another is where it was: the person has logged in
	// again.
	var expired, sent atomic.Value // tokens: that the server refuses, and that came last
	expired.Store("")
	w.Inject(devserver.Fault{Match: func(r *http.Request) bool {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		sent.Store(token)
		return token == expired.Load()
	}, Status: 403, Body: `{"statusCode":403,"error":"TokenError","message":"Your token has expired. Please re-authenticate."}`})
	second := first
	soon(t, "another token", func() bool { second = w.UserToken(); return second != first })
	logIn(second)
	expired.Store(first)
	require.Equal(t, "mine", readFile(t, greeting))
	require.Equal(t, second, sent.Load())

	// It has ended, and so has the one in the files.
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	ended := part(`{"alg":"HS256"}`) + "." + part(fmt.Sprintf(`{"exp":%d}`, time.Now().Add(-time.Hour).Unix())) + ".canary"
	logIn(ended)
	expired.Store(second)
	for range 3 {
		_, err := os.ReadFile(greeting)
		require.ErrorIs(t, err, os.ErrPermission)
	}
	require.NotEqual(t, ended, sent.Load(), "it is said, and not sent")
	log := readFile(t, m.log)
	require.Contains(t, log, "run infisical login")
	require.NotContains(t, log, "canary")

	third := second
	soon(t, "another token", func() bool { third = w.UserToken(); return third != second })
	logIn(third)
	m.hangUp(t)
	require.Equal(t, "mine", readFile(t, greeting))
	require.Equal(t, third, sent.Load())
	m.unmount(t)
	for _, r := range w.Requests() {
		require.NotContains(t, r.Path, "/login")
		require.NotContains(t, r.Path, "/revoke", "it is not ours")
	}

	// What cannot be used: one line and the cure, and the server is not asked.
	w.ResetRequests()
	for what, c := range map[string]struct{ token, environ, says string }{
		"ended":      {ended, "", "run infisical login"},
		"passphrase": {third, "INFISICAL_VAULT_FILE_PASSPHRASE=hunter2", "INFISICAL_VAULT_FILE_PASSPHRASE"},
	} {
		clitest.LogIn(t, home, clitest.Login{Key: "a@example.com", Domain: w.url + "/api", Token: c.token, Passphrase: "canary horse", Unkept: c.environ != ""})
		cmd := exec.Command(program, "mount", "--auth=user", m.dir)
		cmd.Env = append(environ, c.environ)
		out, err := cmd.CombinedOutput()
		require.Error(t, err, what)
		require.Equal(t, 4, cmd.ProcessState.ExitCode(), "%s: %s", what, out)
		require.Contains(t, string(out), c.says, what)
		require.Len(t, strings.Split(strings.TrimSpace(string(out)), "\n"), 2, "%s", out)
		require.NotContains(t, string(out), "canary")
		require.NotContains(t, string(out), "hunter2")
	}
	require.Empty(t, w.Requests())
}

// hangUp has the process read everything again, and waits until it has.
func (m *mounted) hangUp(t *testing.T) {
	t.Helper()
	const read = "the configuration and the credentials were read again"
	before := strings.Count(readFile(t, m.log), read)
	require.NoError(t, unix.Kill(m.pid, unix.SIGHUP))
	soon(t, read, func() bool { return strings.Count(readFile(t, m.log), read) > before })
}

// What a platform or a person puts into the place of a token's file counts from SIGHUP
// on, if the server takes it; else the mount goes on with what it had.
func TestAReplacedFileOverALiveMount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devserver.Config{})
	var sent atomic.Value // what the last request came with
	w.Inject(devserver.Fault{Match: func(r *http.Request) bool {
		sent.Store(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		return false
	}, Status: 500})
	environ := append(cleanEnviron(), "INFISICAL_API_URL="+w.url)

	first := w.UserToken()
	file := w.file(t, first)
	m := w.mountIn(t, program, environ, "--token-file="+file, "--ttl=0s")
	require.Equal(t, "demo", readFile(t, m.path("demo/dev/DB_USER")))
	require.Equal(t, first, sent.Load())
	second := first
	soon(t, "another token", func() bool { second = w.UserToken(); return second != first })
	require.NoError(t, os.WriteFile(file, []byte(second), 0o600))
	m.hangUp(t)
	require.Equal(t, "demo", readFile(t, m.path("demo/dev/DB_USER")))
	require.Equal(t, second, sent.Load())

	w.login(t, devserver.Login{Method: "kubernetes-auth", Subject: "system:serviceaccount:shop:*", Audiences: []string{"infisical"}})
	pod := w.file(t, w.IssueJWT(subject))
	k := w.mountIn(t, program, environ, "--auth=kubernetes", "--identity-id="+w.Credentials("viewer").IdentityID, "--jwt-file="+pod, "--ttl=0s")
	require.Equal(t, "demo", readFile(t, k.path("demo/dev/DB_USER")))
	before := sent.Load()
	require.NoError(t, os.WriteFile(pod, []byte(w.IssueJWT(map[string]any{"sub": "system:serviceaccount:other:web", "aud": "infisical"})), 0o600))
	require.NoError(t, unix.Kill(k.pid, unix.SIGHUP))
	soon(t, "the new one is refused", func() bool { return strings.Contains(readFile(t, k.log), "the mount goes on with those that it had") })
	require.Equal(t, "demo", readFile(t, k.path("demo/dev/DB_USER")))
	require.NoError(t, os.WriteFile(pod, []byte(w.IssueJWT(map[string]any{"sub": "system:serviceaccount:shop:web", "aud": "infisical", "n": 2})), 0o600))
	k.hangUp(t)
	require.Equal(t, "demo", readFile(t, k.path("demo/dev/DB_USER")))
	require.NotEqual(t, before, sent.Load(), "a login of its own")
}
