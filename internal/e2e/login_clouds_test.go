package e2e

import (
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/credential/cloudtest"
	"infisicalfs/internal/devserver"
)

// cloudRows has a row for each method that needs a cloud around it, which is played on
// loopback; which addresses those are is told by the variables of the clouds' own tools.
var cloudRows = []loginRow{
	{"aws-iam", func(t *testing.T, w *world, id string) (good, wrong given) {
		w.login(t, devserver.Login{Method: "aws-auth", AccessKeys: map[string]string{"ASIAROLE": "throw/away session=="}, Principal: "arn:aws:sts::1:assumed-role/web/i-1", Allowed: []string{"arn:aws:sts::1:*"}})
		machine := serve(t, &cloudtest.World{AWS: &cloudtest.AWS{Role: "web", Region: "eu-north-1", TokensOn: true, Keys: cloudtest.Keys{ID: "ASIAROLE", Secret: "throw/away", Session: "session=="}}})
		identity := "INFISICAL_AWS_IAM_AUTH_IDENTITY_ID=" + id
		return given{[]string{identity, "AWS_EC2_METADATA_SERVICE_ENDPOINT=" + machine}, nil},
			given{[]string{identity, "AWS_REGION=eu-north-1", "AWS_ACCESS_KEY_ID=ASIAROLE", "AWS_SECRET_ACCESS_KEY=hunter2"}, []string{"--auth=aws-iam"}}
	}, 4},
	{"gcp-id-token", func(t *testing.T, w *world, id string) (good, wrong given) {
		w.login(t, devserver.Login{Method: "gcp-auth", Allowed: []string{"web@project.iam.gserviceaccount.com"}})
		machine := func(email string) string {
			return strings.TrimPrefix(serve(t, &cloudtest.World{GCP: &cloudtest.GCP{Identity: func(audience string) string {
				return w.IssueJWT(map[string]any{"iss": "https://accounts.google.com", "aud": audience, "email": email, "exp": time.Now().Add(time.Hour).Unix()})
			}}}), "http://")
		}
		identity := "INFISICAL_GCP_AUTH_IDENTITY_ID=" + id
		return given{[]string{identity, "GCE_METADATA_HOST=" + machine("web@project.iam.gserviceaccount.com")}, nil},
			given{[]string{identity, "GCE_METADATA_HOST=" + machine("other@project.iam.gserviceaccount.com")}, nil}
	}, 4},
	{"gcp-iam", func(t *testing.T, w *world, id string) (good, wrong given) {
		w.login(t, devserver.Login{Method: "gcp-auth", PublicKey: cloudtest.PublicKeyPEM(), Allowed: []string{"web@project.iam.gserviceaccount.com"}})
		identity := "INFISICAL_GCP_AUTH_IDENTITY_ID=" + id
		return given{[]string{identity, "INFISICAL_GCP_IAM_SERVICE_ACCOUNT_KEY_FILE_PATH=" + w.file(t, cloudtest.GoogleKeyFile("web@project.iam.gserviceaccount.com", "key-1"))}, nil},
			given{[]string{identity}, []string{"--gcp-key-file=" + w.file(t, cloudtest.GoogleKeyFile("other@project.iam.gserviceaccount.com", "key-1"))}}
	}, 4},
	{"azure", func(t *testing.T, w *world, id string) (good, wrong given) {
		w.login(t, devserver.Login{Method: "azure-auth", Audiences: []string{"https://management.azure.com/"}, Allowed: []string{"web"}})
		application := serve(t, &cloudtest.World{Azure: &cloudtest.Azure{Header: "hunter2", Token: func(resource, client string) string {
			return w.IssueJWT(map[string]any{"aud": resource, "oid": client, "exp": time.Now().Add(time.Hour).Unix()})
		}}})
		environ := []string{"INFISICAL_AZURE_AUTH_IDENTITY_ID=" + id, "IDENTITY_ENDPOINT=" + application + "/msi/token", "IDENTITY_HEADER=hunter2"}
		return given{append(environ, "INFISICAL_AZURE_AUTH_CLIENT_ID=web"), nil},
			given{environ, []string{"--azure-client-id=other"}}
	}, 4},
	{"oci-auth", func(t *testing.T, w *world, id string) (good, wrong given) {
		w.login(t, devserver.Login{Method: "oci-auth", PublicKey: cloudtest.PublicKeyPEM(), Principal: "ocid1.tenancy.oc1..t", Allowed: []string{"ocid1.user.oc1..u"}})
		config := w.file(t, "[DEFAULT]\nuser=ocid1.user.oc1..u\ntenancy=ocid1.tenancy.oc1..t\nfingerprint=aa:bb\nregion=eu-frankfurt-1\nkey_file="+w.file(t, cloudtest.KeyPEM)+"\n")
		environ := []string{"INFISICAL_OCI_AUTH_IDENTITY_ID=" + id, "OCI_CLI_CONFIG_FILE=" + config}
		return given{environ, nil}, given{append(environ, "OCI_CLI_TENANCY=ocid1.tenancy.oc1..other"), nil}
	}, 4},
	{"alicloud-auth", func(t *testing.T, w *world, id string) (good, wrong given) {
		w.login(t, devserver.Login{Method: "alicloud-auth", AccessKeys: map[string]string{"LTAIweb": "throwaway"}})
		environ := []string{"INFISICAL_ALICLOUD_AUTH_IDENTITY_ID=" + id, "ALIBABA_CLOUD_ACCESS_KEY_ID=LTAIweb"}
		return given{append(environ, "ALIBABA_CLOUD_ACCESS_KEY_SECRET=throwaway"), nil},
			given{append(environ, "ALIBABA_CLOUD_ACCESS_KEY_SECRET=hunter2"), nil}
	}, 4},
	{"spiffe-auth", func(t *testing.T, w *world, id string) (good, wrong given) {
		w.login(t, devserver.Login{Method: "spiffe-auth", Audiences: []string{"infisical"}, Subject: "spiffe://example.org/shop/*"})
		agent := func(who string) string {
			return (&cloudtest.Agent{Token: func(audience string) string {
				return w.IssueJWT(map[string]any{"sub": who, "aud": []string{audience}, "exp": time.Now().Add(time.Hour).Unix()})
			}}).Serve(t)
		}
		identity := "INFISICAL_SPIFFE_AUTH_IDENTITY_ID=" + id
		return given{[]string{identity, "SPIFFE_ENDPOINT_SOCKET=" + agent("spiffe://example.org/shop/web")}, nil},
			given{[]string{identity}, []string{"--spiffe-socket=" + agent("spiffe://example.org/other")}}
	}, 4},
}

// Each method of a cloud over live mounts, with the number of logins.
func TestEveryCloudOverALiveMount(t *testing.T) {
	t.Parallel()
	liveLogins(t, cloudRows)
}

// A method that is picked on a machine that is in no cloud says so in a line, and the
// server is not asked.
func TestNoCloudAround(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devserver.Config{})
	nobody := serve(t, &cloudtest.World{}) // a page of something else
	m := &mounted{dir: t.TempDir()}
	for method, says := range map[string]string{
		"aws-iam": "no keys of AWS", "azure": "no metadata service", "gcp-iam": "no credential for it",
	} {
		cmd := exec.Command(program, "mount", "--auth="+method, "--identity-id="+w.Credentials("viewer").IdentityID, m.dir)
		cmd.Env = append(cleanEnviron(), "INFISICAL_API_URL="+w.url, "HOME="+t.TempDir(),
			"AWS_EC2_METADATA_SERVICE_ENDPOINT="+nobody, "GCE_METADATA_HOST="+strings.TrimPrefix(nobody, "http://"), "AZURE_POD_IDENTITY_AUTHORITY_HOST="+nobody)
		out, err := cmd.CombinedOutput()
		require.Error(t, err, method)
		require.Equal(t, 4, cmd.ProcessState.ExitCode(), "%s: %s", method, out)
		require.Contains(t, string(out), says, method)
		require.Len(t, strings.Split(strings.TrimSpace(string(out)), "\n"), 2, "what is wrong and the cure: %s", out)
	}
	require.Empty(t, w.Requests())
}

func (w *world) login(t *testing.T, login devserver.Login) {
	w.edit(t, func(e *devserver.Editor) error { return e.SetLogin("viewer", login) })
}

// serve serves a cloud on loopback and returns its address.
func serve(t *testing.T, world *cloudtest.World) string {
	server := httptest.NewServer(world)
	t.Cleanup(server.Close)
	return server.URL
}
