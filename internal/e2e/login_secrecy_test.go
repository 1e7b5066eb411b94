package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/credential/clitest"
	"infisicalfs/internal/credential/cloudtest"
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
	for _, h := range []string{password, jwt, jwt[len(jwt)-20:], header} {
		require.NotContains(t, printed.String(), h)
	}
}

// Nor is what variables, files, platforms and a person's vault hold, which are private keys,
// a passphrase and tokens: of each method that signs, opens or is given something.
func TestKeysAreNowhereToBeSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devserver.Config{})
	who := w.Credentials("viewer")
	id := "--identity-id=" + who.IdentityID
	const amazon, alibaba, passphrase, session = "canary/amazon-0123456789", "canaryalibaba0123456789", "canary passphrase 0123456789", "canary/session+0123456789=="
	w.login(t, devserver.Login{Method: "aws-auth", AccessKeys: map[string]string{"ASIAROLE": amazon + " " + session}, Principal: "arn:aws:sts::1:assumed-role/web/i-1", Allowed: []string{"arn:aws:sts::1:*"}})
	w.login(t, devserver.Login{Method: "alicloud-auth", AccessKeys: map[string]string{"LTAIweb": alibaba}})
	w.login(t, devserver.Login{Method: "oci-auth", PublicKey: cloudtest.PublicKeyPEM(), Principal: "ocid1.tenancy.oc1..t", Allowed: []string{"ocid1.user.oc1..u"}})
	w.login(t, devserver.Login{Method: "gcp-auth", PublicKey: cloudtest.PublicKeyPEM(), Allowed: []string{"web@project.iam.gserviceaccount.com"}})
	oracle := w.file(t, "[DEFAULT]\nuser=ocid1.user.oc1..u\ntenancy=ocid1.tenancy.oc1..t\nfingerprint=aa:bb\nregion=eu-frankfurt-1\nkey_file="+w.file(t, cloudtest.KeyPEM)+"\n")
	home, person := t.TempDir(), w.UserToken()
	clitest.LogIn(t, home, clitest.Login{Key: "a@example.com", Domain: w.url + "/api", Token: person, Passphrase: passphrase, Unkept: true})
	key := strings.Split(strings.TrimSpace(cloudtest.KeyPEM), "\n")[1]
	hidden := []string{who.ClientSecret, amazon, session, alibaba, passphrase, person[len(person)-20:], key}

	// What a platform hands out, in a file, in a variable, or to who asks.
	const header = "canary-header-0123456789"
	issued := func(claims map[string]any) string {
		claims["exp"] = time.Now().Add(time.Hour).Unix()
		jwt := w.IssueJWT(claims)
		hidden = append(hidden, jwt[len(jwt)-20:])
		return jwt
	}
	hidden = append(hidden, header)
	w.login(t, devserver.Login{Method: "kubernetes-auth", Subject: "system:serviceaccount:shop:*"})
	w.login(t, devserver.Login{Method: "oidc-auth", Subject: "job"})
	w.login(t, devserver.Login{Method: "azure-auth", Audiences: []string{"https://management.azure.com/"}, Allowed: []string{"web"}})
	w.login(t, devserver.Login{Method: "spiffe-auth", Audiences: []string{"infisical"}, Subject: "spiffe://example.org/*"})
	pod, job := issued(map[string]any{"sub": "system:serviceaccount:shop:web"}), issued(map[string]any{"sub": "job"})
	managed := issued(map[string]any{"aud": "https://management.azure.com/", "oid": "web"})
	workload := issued(map[string]any{"aud": []string{"infisical"}, "sub": "spiffe://example.org/web"})
	azure := serve(t, &cloudtest.World{Azure: &cloudtest.Azure{Header: header, Token: func(string, string) string { return managed }}})
	agent := (&cloudtest.Agent{Token: func(string) string { return workload }}).Serve(t)

	var printed bytes.Buffer
	for name, g := range map[string]given{
		"universal-auth": {[]string{"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=" + who.ClientID, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=" + who.ClientSecret}, nil},
		"aws-iam":        {[]string{"AWS_REGION=eu-north-1", "AWS_ACCESS_KEY_ID=ASIAROLE", "AWS_SECRET_ACCESS_KEY=" + amazon, "AWS_SESSION_TOKEN=" + session}, []string{id}},
		"alicloud-auth":  {[]string{"ALIBABA_CLOUD_ACCESS_KEY_ID=LTAIweb", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=" + alibaba}, []string{id}},
		"oci-auth":       {[]string{"OCI_CLI_CONFIG_FILE=" + oracle}, []string{id}},
		"gcp-iam":        {nil, []string{id, "--gcp-key-file=" + w.file(t, cloudtest.GoogleKeyFile("web@project.iam.gserviceaccount.com", "key-1"))}},
		"user":           {[]string{"INFISICAL_VAULT_FILE_PASSPHRASE=" + passphrase}, nil},
		"token":          {[]string{"INFISICAL_TOKEN=" + person}, nil},
		"kubernetes":     {nil, []string{id, "--jwt-file=" + w.file(t, pod)}},
		"oidc-auth":      {[]string{"CI_TOKEN=" + job}, []string{id, "--oidc-token-env=CI_TOKEN"}},
		"azure":          {[]string{"IDENTITY_ENDPOINT=" + azure + "/msi/token", "IDENTITY_HEADER=" + header}, []string{id, "--azure-client-id=web"}},
		"spiffe-auth":    {nil, []string{id, "--spiffe-socket=" + agent}},
	} {
		flags := append([]string{"--auth=" + name, "--debug", "--ttl=0s"}, g.flags...)
		environ := append(append(cleanEnviron(), "HOME="+home, "DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere", "INFISICAL_API_URL="+w.url), g.environ...)
		m := w.mountIn(t, program, environ, flags...)
		require.NotEmpty(t, readFile(t, m.path("demo/dev/DB_USER")), name)
		inProcesses(t, hidden...)
		printed.WriteString(readFile(t, m.path(".infisicalfs/status")))
		m.unmount(t)
		printed.WriteString(readFile(t, m.log))

		doctor := exec.Command(program, append([]string{"doctor"}, append(g.flags, "--auth="+name)...)...)
		doctor.Env = environ
		out, err := doctor.CombinedOutput()
		require.NoError(t, err, "%s: %s", name, out)
		printed.Write(out)
	}
	for _, h := range hidden {
		require.NotContains(t, printed.String(), h)
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
