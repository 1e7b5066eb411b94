package credential

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/credential/cloudtest"
	"infisicalfs/internal/credential/internal/metadata"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// inWorld is a search on a machine with these surroundings.
func inWorld(t *testing.T, world *cloudtest.World, w words, env variables, firmware map[string]string) *Search {
	dmi := t.TempDir()
	for name, text := range firmware {
		require.NoError(t, os.WriteFile(filepath.Join(dmi, name), []byte(text+"\n"), 0o444))
	}
	return &Search{Flags: w.flags(), Lookup: env.lookup, surroundings: around(world, env, dmi)}
}

func around(world *cloudtest.World, env variables, dmi string) *surroundings {
	return &surroundings{metadata: metadata.New(metadata.Config{Lookup: env.lookup, DMI: dmi, Transport: world}), lookup: anchored(env.lookup), local: world, web: world}
}

const machineID = "0b1d6a0c-0000-4000-8000-000000000000"

var (
	azureFirmware  = map[string]string{"sys_vendor": "Microsoft Corporation", "chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77"}
	googleFirmware = map[string]string{"sys_vendor": "Google", "product_name": "Google Compute Engine"}
	amazonFirmware = map[string]string{"sys_vendor": "Amazon EC2"}
)

// On a machine that is in no cloud nobody is asked, and that takes no time.
func TestNoCloudIsNotAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := &cloudtest.World{Silent: map[string]bool{"169.254.169.254": true}}
		begun := time.Now()
		s := inWorld(t, world, nil, variables{"INFISICAL_MACHINE_IDENTITY_ID": machineID, "AWS_REGION": "eu-central-1", "HOME": t.TempDir()}, map[string]string{"sys_vendor": "LENOVO"})
		_, err := s.Find(context.Background())
		require.ErrorContains(t, err, "no credentials")
		require.Zero(t, time.Since(begun))
		require.Empty(t, world.Requests())
	})
}

// Each method of a cloud, picked on a machine without it, knows that in two seconds,
// whatever happens to its packets.
func TestPickedWithoutACloud(t *testing.T) {
	for _, silent := range []bool{false, true} {
		for _, method := range []string{"aws-iam", "gcp-id-token", "gcp-iam", "azure", "oci-auth", "alicloud-auth", "spiffe-auth"} {
			t.Run(method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					world := &cloudtest.World{Silent: map[string]bool{"169.254.169.254": silent}}
					begun := time.Now()
					s := inWorld(t, world, words{"auth": method, "identity-id": machineID}, variables{"HOME": t.TempDir()}, nil)
					found, err := s.Find(context.Background())
					if err == nil {
						_, err = proofOf(t, s, found)
					}
					require.Error(t, err)
					require.Equal(t, exitcode.Login, exitcode.Of(err), err)
					require.NotEmpty(t, hintOf(err), err)
					require.LessOrEqual(t, time.Since(begun), 2*time.Second)
					require.LessOrEqual(t, len(world.Requests()), 2)
				})
			})
		}
	}
}

// proofOf makes the proof of a login that was found.
func proofOf(t *testing.T, s *Search, found Found) (map[string]any, error) {
	prover, err := methodNamed(found.Method).Prove(s)
	require.NoError(t, err)
	if prover.Inputs != nil {
		_, err := prover.Inputs()
		require.NoError(t, err)
	}
	proof, err := prover.Proof(context.Background())
	for _, name := range proof.Secret {
		require.Contains(t, proof.Fields, name)
	}
	return proof.Fields, err
}

// What the machine suggests is taken if an identity is known.
func TestTheMachineSuggestsAMethod(t *testing.T) {
	jwt := func(audience string) string {
		return "a." + base64.RawURLEncoding.EncodeToString([]byte(audience)) + ".c"
	}
	world := &cloudtest.World{
		GCP:   &cloudtest.GCP{Identity: jwt},
		Azure: &cloudtest.Azure{Token: func(resource, client string) string { return jwt(resource + client) }},
		AWS:   &cloudtest.AWS{Role: "r", Region: "eu-north-1", Keys: cloudtest.Keys{ID: "AKID", Secret: "s", Session: "t"}},
	}
	oracle := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(oracle, "key"), []byte(cloudtest.KeyPEM), 0o600))
	for _, test := range []struct {
		method   string
		firmware map[string]string
		env      variables
		field    string
		want     any // nil: any
	}{
		{"gcp-id-token", googleFirmware, nil, "jwt", jwt(machineID)},
		{"azure", azureFirmware, nil, "jwt", jwt("https://management.azure.com/")},
		{"azure", azureFirmware, variables{"INFISICAL_AZURE_AUTH_CLIENT_ID": "c"}, "jwt", jwt("https://management.azure.com/c")},
		{"aws-iam", amazonFirmware, nil, "iamHttpRequestMethod", "POST"},
		{"aws-iam", nil, variables{"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-central-1"}, "iamHttpRequestMethod", "POST"},
		{"oci-auth", nil, variables{"OCI_CLI_USER": "u", "OCI_CLI_TENANCY": "t", "OCI_CLI_FINGERPRINT": "f", "OCI_CLI_REGION": "eu-frankfurt-1", "OCI_CLI_KEY_FILE": filepath.Join(oracle, "key")}, "userOcid", "u"},
		{"alicloud-auth", nil, variables{"ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s"}, "AccessKeyId", "LTAI"},
		{"spiffe-auth", nil, variables{"SPIFFE_ENDPOINT_SOCKET": (&cloudtest.Agent{Token: jwt}).Serve(t)}, "jwt", jwt("infisical")},
	} {
		t.Run(test.method, func(t *testing.T) {
			env := variables{"INFISICAL_MACHINE_IDENTITY_ID": machineID, "HOME": t.TempDir()}
			maps.Copy(env, test.env)
			s := inWorld(t, world, nil, env, test.firmware)
			found, err := s.Find(context.Background())
			require.NoError(t, err)
			require.Equal(t, test.method, found.Method)
			fields, err := proofOf(t, s, found)
			require.NoError(t, err)
			require.Equal(t, test.want, fields[test.field])

			delete(env, "INFISICAL_MACHINE_IDENTITY_ID")
			_, err = inWorld(t, world, nil, env, test.firmware).Find(context.Background())
			require.Equal(t, exitcode.Of(err), map[bool]int{true: exitcode.Config, false: exitcode.Login}[env["INFISICAL_AZURE_AUTH_CLIENT_ID"] != ""], "without the id of an identity: %v", err)
		})
	}
}

// A machine that suggests two methods is told about both.
func TestTwoSuggestions(t *testing.T) {
	env := variables{"INFISICAL_MACHINE_IDENTITY_ID": machineID, "SPIFFE_ENDPOINT_SOCKET": "unix:///s"}
	google := &cloudtest.World{GCP: &cloudtest.GCP{Identity: func(string) string { return "a.b.c" }}}
	found, err := inWorld(t, google, nil, env, googleFirmware).Find(context.Background())
	require.NoError(t, err)
	require.Equal(t, "gcp-id-token", found.Method)
	require.Len(t, found.Passed, 1)
	require.Contains(t, found.Passed[0].Why, "--auth spiffe-auth")

	// Where the cloud's service is out of reach, its firmware alone suggests nothing.
	found, err = inWorld(t, &cloudtest.World{}, nil, env, googleFirmware).Find(context.Background())
	require.NoError(t, err)
	require.Equal(t, "spiffe-auth", found.Method)
	require.Empty(t, found.Passed)
}

// All hints at once of services that are silent cost one second.
func TestHintsThatAreWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := &cloudtest.World{Silent: map[string]bool{"169.254.169.254": true}}
		firmware := map[string]string{"sys_vendor": "Google", "bios_version": "4.11.amazon", "chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77"}
		begun := time.Now()
		_, err := inWorld(t, world, nil, variables{"INFISICAL_MACHINE_IDENTITY_ID": machineID, "HOME": t.TempDir()}, firmware).Find(context.Background())
		require.ErrorContains(t, err, "no credentials")
		require.Equal(t, time.Second, time.Since(begun))
		require.Len(t, world.Requests(), 3)
	})
}

func keyOfGoogle(t *testing.T) string {
	return write(t, cloudtest.GoogleKeyFile("robot@project.iam.gserviceaccount.com", "key-1"))
}

// Google's two methods have a variable in common: who is fed with a key is the one.
func TestWhichMethodOfGoogle(t *testing.T) {
	key := keyOfGoogle(t)
	for _, test := range []struct {
		name  string
		flags words
		env   variables
		want  string
	}{
		{"the variable alone", nil, variables{gcpIdentity[0]: machineID}, "gcp-id-token"},
		{"and a key", nil, variables{gcpIdentity[0]: machineID, "INFISICAL_GCP_IAM_SERVICE_ACCOUNT_KEY_FILE_PATH": key}, "gcp-iam"},
		{"and a key by flag", words{"gcp-key-file": key}, variables{gcpIdentity[0]: machineID}, "gcp-iam"},
		{"a key and the identity of all", nil, variables{"INFISICAL_MACHINE_IDENTITY_ID": machineID, "INFISICAL_GCP_IAM_SERVICE_ACCOUNT_KEY_FILE_PATH": key}, "gcp-iam"},
		{"Google's own variable picks nothing", nil, variables{gcpIdentity[0]: machineID, "GOOGLE_APPLICATION_CREDENTIALS": key}, "gcp-id-token"},
		{"but is taken", words{"auth": "gcp-iam"}, variables{gcpIdentity[0]: machineID, "GOOGLE_APPLICATION_CREDENTIALS": key}, "gcp-iam"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := inWorld(t, &cloudtest.World{}, test.flags, test.env, nil)
			found, err := s.Find(context.Background())
			require.NoError(t, err)
			require.Equal(t, test.want, found.Method)
			require.Equal(t, test.want+" "+machineID, found.Identity)
		})
	}
}

// The key signs a JWT for the identity; it is read again unless it is to be removed.
func TestKeysOfGoogle(t *testing.T) {
	for _, removed := range []bool{false, true} {
		key := keyOfGoogle(t)
		flags := words{"gcp-key-file": key, "identity-id": machineID}
		if removed {
			flags["remove-credential"] = "true"
		}
		s := inWorld(t, &cloudtest.World{}, flags, nil, nil)
		s.id = machineID
		prover, err := proveGCPKey(s)
		require.NoError(t, err)
		proof, err := prover.Proof(context.Background())
		require.NoError(t, err)
		var claims struct{ Aud, Sub string }
		require.NoError(t, json.Unmarshal(payload(t, proof.Fields["jwt"].(string)), &claims))
		require.Equal(t, machineID, claims.Aud)
		require.Equal(t, "robot@project.iam.gserviceaccount.com", claims.Sub)

		require.Equal(t, removed, !exists(key))
		require.NoError(t, os.WriteFile(key, []byte("{}"), 0o600))
		_, err = prover.Proof(context.Background())
		require.Equal(t, removed, err == nil, err)
	}

	key := keyOfGoogle(t)
	s := inWorld(t, &cloudtest.World{}, words{"remove-credential": "true"}, variables{"GOOGLE_APPLICATION_CREDENTIALS": key}, nil)
	_, err := proveGCPKey(s)
	require.NoError(t, err)
	require.True(t, exists(key), "it is for other programs too")
}

// A mount in the background reads files again after it has left the working directory.
func TestRelativePathsInVariables(t *testing.T) {
	home := t.TempDir()
	for name, text := range map[string]string{
		"aws": "[default]\naws_access_key_id=A\naws_secret_access_key=S\nregion=eu-central-1\n", "key.pem": cloudtest.KeyPEM,
		"aws-pod":  "[default]\nrole_arn=pod\nweb_identity_token_file=jwt\n",
		"oci-key":  "[DEFAULT]\nuser=u\ntenancy=t\nfingerprint=f\nregion=eu-frankfurt-1\nkey_file=./key.pem\n",
		"oci":      "[DEFAULT]\nuser=u\ntenancy=t\nfingerprint=f\nregion=eu-frankfurt-1\n",
		"key.json": cloudtest.GoogleKeyFile("robot@project.iam.gserviceaccount.com", "key-1"), "jwt": "a.b.c",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(home, name), []byte(text), 0o600))
	}
	for method, env := range map[string]variables{
		"aws-iam":    {"AWS_SHARED_CREDENTIALS_FILE": "aws"},
		"oci-auth":   {"OCI_CLI_CONFIG_FILE": "./oci", "OCI_CLI_KEY_FILE": "key.pem"},
		"gcp-iam":    {"INFISICAL_GCP_IAM_SERVICE_ACCOUNT_KEY_FILE_PATH": "key.json"},
		"kubernetes": {"INFISICAL_KUBERNETES_SERVICE_ACCOUNT_TOKEN_PATH": "jwt"},
		// What their files name begins at the working directory too, as for the clouds' own tools.
		"aws-iam ":  {"AWS_CONFIG_FILE": "aws-pod", "AWS_REGION": "eu-central-1"},
		"oci-auth ": {"OCI_CLI_CONFIG_FILE": "oci-key"},
	} {
		t.Run(method, func(t *testing.T) {
			t.Chdir(home)
			method := strings.TrimSpace(method)
			s := inWorld(t, &cloudtest.World{STS: &cloudtest.STS{Role: "pod", Token: "a.b.c", Keys: cloudtest.Keys{ID: "POD", Secret: "secret", Session: "session"}}}, nil, env, nil)
			prover, err := methodNamed(method).Prove(s)
			require.NoError(t, err)
			t.Chdir("/")
			_, err = prover.Proof(context.Background())
			require.NoError(t, err)
		})
	}
}

// What a method reads is read again after a refusal.
func TestInputsOfClouds(t *testing.T) {
	home := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(home, ".aws"), 0o700))
	s := inWorld(t, &cloudtest.World{}, nil, variables{"HOME": home}, nil)
	prover, err := awsIAM().Prove(s)
	require.NoError(t, err)
	before, err := prover.Inputs()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(home, ".aws/credentials"), []byte("[default]\n"), 0o600))
	after, err := prover.Inputs()
	require.NoError(t, err)
	require.NotEqual(t, before, after)
}

func payload(t *testing.T, jwt string) []byte {
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(jwt, ".")[1])
	require.NoError(t, err)
	return claims
}

// Where nobody can be reached, that is no word about the credentials.
func TestUnreachableIsNoRefusal(t *testing.T) {
	token := write(t, "a.b.c\n")
	env := variables{"AZURE_FEDERATED_TOKEN_FILE": token, "AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c"}
	s := inWorld(t, &cloudtest.World{}, words{"auth": "azure", "identity-id": machineID}, env, nil)
	found, err := s.Find(context.Background())
	require.NoError(t, err)
	_, err = proofOf(t, s, found)
	require.Equal(t, exitcode.Unreachable, exitcode.Of(err))
	require.ErrorIs(t, outage(err), secret.ErrUnavailable)
}

// Services of the machine are asked past the proxy, those of the internet by it.
func TestProxies(t *testing.T) {
	s := &Search{Flags: new(Flags), Lookup: variables{}.lookup}
	require.Nil(t, s.around().local.(*http.Transport).Proxy)
	require.NotNil(t, s.around().web.(*http.Transport).Proxy)
	require.Same(t, s.around(), s.around())
}
