package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// What a login is made with is in no argument, environment or mount table of any process,
// in no log, status or error, whether the login succeeds or fails.
func TestCredentialsAreNowhereToBeSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devserver.Config{})
	const password = "canary-password-0123456789"
	w.edit(t, func(e *devserver.Editor) error {
		return e.SetLogin("viewer", devserver.Login{Method: "ldap-auth", Username: "web", Password: password})
	})
	w.edit(t, func(e *devserver.Editor) error { return e.SetLogin("viewer", devserver.Login{Method: "jwt-auth"}) })
	jwt := w.IssueJWT(map[string]any{"sub": "canary"})
	id := "--identity-id=" + w.Credentials("viewer").IdentityID
	const header = "canary-header-0123456789"
	headers := "--headers-file=" + w.file(t, "X-Gateway: "+header)
	environ := append(cleanEnviron(), "INFISICAL_API_URL="+w.url)

	var printed bytes.Buffer
	shown := func(args ...string) {
		cmd := exec.Command(program, args...)
		cmd.Env = environ
		cmd.Stdout, cmd.Stderr = &printed, &printed
		_ = cmd.Run() // some are to fail
	}
	var logs []string
	for _, flags := range [][]string{
		{"--auth=ldap-auth", id, "--ldap-username=web", "--ldap-password-file=" + w.file(t, password)},
		{"--auth=jwt-auth", id, "--jwt-file=" + w.file(t, jwt)},
	} {
		flags = append(flags, headers)
		m := w.mountIn(t, program, environ, append([]string{"--debug", "--ttl=0s"}, flags...)...)
		logs = append(logs, m.log)
		require.NotEmpty(t, readFile(t, m.path("demo/dev/GREETING")))
		printed.WriteString(readFile(t, m.path(".infisicalfs/status")))
		shown("status", m.dir)
		shown(append([]string{"doctor"}, flags...)...)
		inProcesses(t, password, jwt, header)

		// A server that repeats what it was sent, and refuses it.
		remove := w.Inject(devserver.Fault{Match: isLogin, Status: 400, Body: `{"statusCode":400,"error":"BadRequest","message":"no: ` + password + ` ` + jwt + ` ` + header + `"}`})
		shown(append([]string{"doctor"}, flags...)...)
		w.edit(t, func(e *devserver.Editor) error { return e.Revoke("viewer") })
		_, err := os.ReadFile(m.path("demo/dev/GREETING"))
		require.Error(t, err)
		remove()
		inProcesses(t, password, jwt, header)
	}

	// A command gets none of the variables with which it could log in.
	cmd := exec.Command(program, "run", "--project=demo", "--env=dev", "--auth=ldap-auth", id, "--ldap-username=web", "--", "env")
	cmd.Env = append(environ, "INFISICAL_LDAP_PASSWORD="+password, "INFISICAL_JWT="+jwt, "INFISICAL_CUSTOM_HEADERS=X-Gateway="+header)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "INFISICALFS_DIR=")
	printed.Write(out)

	for _, log := range logs {
		printed.WriteString(readFile(t, log))
	}
	for _, hidden := range []string{password, jwt, jwt[len(jwt)-20:], header} {
		require.NotContains(t, printed.String(), hidden)
	}
}

// inProcesses looks for texts in what the kernel tells of all processes but this one.
func inProcesses(t *testing.T, hidden ...string) {
	t.Helper()
	seen := 0
	for _, name := range []string{"cmdline", "environ", "mountinfo", "comm", "status"} {
		files, err := filepath.Glob("/proc/[0-9]*/" + name)
		require.NoError(t, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				continue // it has ended, or is somebody else's
			}
			seen++
			for _, h := range hidden {
				if strings.Contains(string(text), h) {
					t.Errorf("%s has a credential", file)
				}
			}
		}
	}
	require.Greater(t, seen, 10)
}
