package aws_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/credential/cloudtest"
	"infisicalfs/internal/credential/internal/aws"
	"infisicalfs/internal/credential/internal/metadata"
	"infisicalfs/internal/exitcode"
)

func keys(id string) cloudtest.Keys {
	return cloudtest.Keys{ID: id, Secret: "secret of " + id, Session: "session of " + id}
}

// everything is a place where each source has keys of its own.
func everything(t *testing.T) (map[string]string, *cloudtest.World) {
	home := t.TempDir()
	write(t, home, ".aws/config", "[default]\nregion = eu-west-3\n[profile work]\nregion=eu-west-2\n")
	write(t, home, ".aws/credentials", "[default]\naws_access_key_id = DEFAULT\naws_secret_access_key = secret of DEFAULT\n\n[work]\naws_access_key_id=WORK\naws_secret_access_key=secret of WORK\naws_session_token=session of WORK\n")
	write(t, home, "token", "jwt-of-pod\n")
	environment := map[string]string{
		"HOME":                  home,
		"AWS_ACCESS_KEY_ID":     "VARIABLE",
		"AWS_SECRET_ACCESS_KEY": "secret of VARIABLE",
		"AWS_SESSION_TOKEN":     "session of VARIABLE",
		"AWS_REGION":            "eu-central-1",

		"AWS_WEB_IDENTITY_TOKEN_FILE": filepath.Join(home, "token"),
		"AWS_ROLE_ARN":                "arn:aws:iam::1:role/pod",

		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/1",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN":      "container-token",
	}
	world := &cloudtest.World{
		AWS:       &cloudtest.AWS{Role: "machine", Keys: keys("MACHINE"), Region: "eu-north-1", TokensOn: true},
		STS:       &cloudtest.STS{Role: "arn:aws:iam::1:role/pod", Token: "jwt-of-pod", Keys: keys("POD")},
		Container: &cloudtest.Container{Authorization: "container-token", Keys: keys("CONTAINER")},
	}
	return environment, world
}

func write(t *testing.T, dir, name, text string) string {
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func sources(environment map[string]string, world *cloudtest.World) *aws.Sources {
	lookup := func(name string) (string, bool) { text, ok := environment[name]; return text, ok }
	return &aws.Sources{
		Lookup: lookup, Web: world, Container: world, Now: time.Now,
		Metadata: metadata.New(metadata.Config{Lookup: lookup, DMI: "/nonexistent", Transport: world}),
	}
}

// Take away the first source, and the next one counts.
func TestOrder(t *testing.T) {
	environment, world := everything(t)
	s := sources(environment, world)
	check := func(id, region, hint string, requests ...string) {
		t.Helper()
		require.Equal(t, hint, s.Hint(context.Background()))
		before := len(world.Requests())
		found, r, err := s.Find(context.Background())
		require.NoError(t, err)
		require.Equal(t, id, found.ID)
		require.Equal(t, "secret of "+id, found.Secret.Reveal())
		require.Equal(t, region, r)
		require.Equal(t, append([]string{}, requests...), world.Requests()[before:])
	}
	check("VARIABLE", "eu-central-1", "AWS_ACCESS_KEY_ID")

	delete(environment, "AWS_ACCESS_KEY_ID")
	delete(environment, "AWS_SECRET_ACCESS_KEY")
	check("POD", "eu-central-1", "AWS_WEB_IDENTITY_TOKEN_FILE", "POST sts.eu-central-1.amazonaws.com/")

	delete(environment, "AWS_WEB_IDENTITY_TOKEN_FILE")
	delete(environment, "AWS_REGION")
	check("DEFAULT", "eu-west-3", "AWS profile default")
	environment["AWS_PROFILE"] = "work"
	check("WORK", "eu-west-2", "AWS profile work")
	environment["AWS_DEFAULT_REGION"] = "eu-west-1"
	check("WORK", "eu-west-1", "AWS profile work")

	delete(environment, "AWS_PROFILE")
	environment["HOME"] = t.TempDir()
	check("CONTAINER", "eu-west-1", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "GET 169.254.170.2/v2/credentials/1")

	delete(environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
	delete(environment, "AWS_DEFAULT_REGION")
	const service = "169.254.169.254/latest/"
	check("MACHINE", "eu-north-1", "", "PUT "+service+"api/token", "GET "+service+"meta-data/iam/security-credentials/", "GET "+service+"meta-data/iam/security-credentials/machine",
		"PUT "+service+"api/token", "GET "+service+"meta-data/placement/region")
	s.Metadata = metadata.New(metadata.Config{Lookup: s.Lookup, DMI: filepath.Dir(write(t, t.TempDir(), "sys_vendor", "Amazon EC2\n")), Transport: world})
	require.Equal(t, "the firmware's vendor Amazon EC2", s.Hint(context.Background()))
}

// Each source that is named and does not work is the end: the next is not tried.
func TestFailures(t *testing.T) {
	without := func(names ...string) func(map[string]string, *cloudtest.World) {
		return func(environment map[string]string, _ *cloudtest.World) {
			for _, name := range names {
				delete(environment, name)
			}
		}
	}
	const noKeys, noPod = "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY", " AWS_WEB_IDENTITY_TOKEN_FILE"
	for _, test := range []struct {
		name    string
		without string
		with    []string
		change  func(map[string]string, *cloudtest.World)
		fails   string
		code    int
	}{
		{name: "half a pair", without: "AWS_SECRET_ACCESS_KEY", fails: "only one of AWS_ACCESS_KEY_ID and", code: exitcode.Config},
		{name: "a profile that is not there", with: []string{"AWS_PROFILE", "missing"}, fails: `no profile "missing"`, code: exitcode.Config},
		{name: "no role", without: noKeys + " AWS_ROLE_ARN", fails: "without the role", code: exitcode.Config},
		{name: "no token file", without: noKeys, with: []string{"AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent/token"}, fails: "cannot read the file", code: exitcode.Config},
		{name: "no region for STS", without: noKeys + " AWS_REGION", change: func(e map[string]string, _ *cloudtest.World) { e["HOME"] = "/nonexistent" }, fails: "without a region", code: exitcode.Config},
		{name: "STS refuses", without: noKeys, with: []string{"AWS_ROLE_ARN", "another"}, fails: "STS refuses the token: status 400 InvalidIdentityToken not & never", code: exitcode.Login},
		{name: "no STS", without: noKeys, change: func(_ map[string]string, w *cloudtest.World) { w.STS = nil }, fails: "connection refused", code: exitcode.Unreachable},
		{name: "container refuses", without: noKeys + noPod, with: []string{"AWS_CONTAINER_AUTHORIZATION_TOKEN", "wrong", "HOME", "/nonexistent"}, fails: "status 403 AccessDenied wrong token", code: exitcode.Login},
		{name: "container elsewhere", without: noKeys + noPod + " AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", with: []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.7/", "HOME", "/nonexistent"}, fails: "without TLS", code: exitcode.Config},
		{name: "no region", without: "AWS_REGION", with: []string{"HOME", "/nonexistent"}, fails: "no region", code: exitcode.Config},
		{name: "no role of the machine", without: noKeys + noPod + " AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", with: []string{"HOME", "/nonexistent"}, change: func(_ map[string]string, w *cloudtest.World) { w.AWS.Role = "" }, fails: "this machine has no role", code: exitcode.Login},
		{name: "a service that is switched off", without: noKeys + noPod + " AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", with: []string{"HOME", "/nonexistent"}, change: func(_ map[string]string, w *cloudtest.World) { w.AWS.TokensOff, w.AWS.TokensOn = true, true }, fails: "the metadata service refuses", code: exitcode.Login},
		{name: "nothing at all", without: noKeys + noPod + " AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", with: []string{"HOME", "/nonexistent"}, change: func(_ map[string]string, w *cloudtest.World) { *w = cloudtest.World{} }, fails: "no keys of AWS: none in variables", code: exitcode.Login},
		{name: "no role, but a hotel", without: noKeys + noPod + " AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", with: []string{"HOME", "/nonexistent"}, change: func(_ map[string]string, w *cloudtest.World) { *w = cloudtest.World{Portal: true} }, fails: "something else answers there", code: exitcode.Login},
	} {
		t.Run(test.name, func(t *testing.T) {
			environment, world := everything(t)
			without(strings.Fields(test.without)...)(environment, world)
			for i := 0; i < len(test.with); i += 2 {
				environment[test.with[i]] = test.with[i+1]
			}
			if test.change != nil {
				test.change(environment, world)
			}
			_, err := sources(environment, world).Prove(context.Background())
			require.ErrorContains(t, err, test.fails)
			var coded *exitcode.Error
			require.ErrorAs(t, err, &coded)
			require.Equal(t, test.code, coded.Code)
			require.NotEmpty(t, coded.Hint)
			require.LessOrEqual(t, len(world.Requests()), 2)
			for _, secret := range []string{"secret of", "session of", "jwt-of-pod", "container-token"} {
				require.NotContains(t, err.Error(), secret)
			}
		})
	}
}

func TestProfiles(t *testing.T) {
	for _, test := range []struct{ name, config, credentials, id, fails string }{
		{name: "keys in config", config: "[profile p]\naws_access_key_id = A # mine\naws_secret_access_key = S\n", id: "A"},
		{name: "credentials win", config: "[profile p]\naws_access_key_id=A\naws_secret_access_key=S\n", credentials: "[p]\naws_access_key_id=B\naws_secret_access_key=T\n", id: "B"},
		{name: "nested and odd lines", config: "; comment\n[profile p]\r\ns3 =\r\n  aws_access_key_id = NO\r\nAWS_ACCESS_KEY_ID=A\r\naws_secret_access_key\t=\tS=\r\nnonsense\n[profile q]\naws_access_key_id=Q\n", id: "A"},
		{name: "a pod's role", config: "[profile p]\nrole_arn=arn:aws:iam::1:role/pod\nweb_identity_token_file=TOKEN\n", id: "POD"},
		{name: "half", config: "[profile p]\naws_access_key_id=A\n", fails: "only one of"},
		{name: "sso", config: "[profile p]\nsso_session=s\n", fails: "sso"},
		{name: "a program", config: "[profile p]\ncredential_process=/bin/true\n", fails: "credential_process"},
		{name: "another profile", config: "[profile p]\nrole_arn=r\nsource_profile=q\n", fails: "takes a role by way of other keys"},
		{name: "the machine", config: "[profile p]\nrole_arn=r\ncredential_source=Ec2InstanceMetadata\n", fails: "takes a role by way of other keys"},
		{name: "a role alone", config: "[profile p]\nrole_arn=r\n", fails: "without saying with which keys"},
		{name: "region only", config: "[profile p]\nregion=eu-west-2\n", id: "MACHINE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			token := write(t, dir, "token", "jwt-of-pod\n")
			_, world := everything(t)
			environment := map[string]string{
				"AWS_PROFILE": "p", "AWS_REGION": "eu-central-1",
				"AWS_CONFIG_FILE":             write(t, dir, "config", strings.ReplaceAll(test.config, "TOKEN", token)),
				"AWS_SHARED_CREDENTIALS_FILE": write(t, dir, "credentials", test.credentials),
			}
			found, _, err := sources(environment, world).Find(context.Background())
			if test.fails != "" {
				require.ErrorContains(t, err, test.fails)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.id, found.ID)
		})
	}
}

func TestContainers(t *testing.T) {
	for _, test := range []struct {
		uri  string
		asks bool
	}{
		{"http://169.254.170.23/v2/credentials", true},
		{"https://keys.example/v2/credentials", true},
		{"http://keys.example/v2/credentials", false},
		{"http://169.254.170.3/v2/credentials", false},
		{"ftp://169.254.170.2/", false},
		{"/v2/credentials", false},
	} {
		_, world := everything(t)
		token := write(t, t.TempDir(), "token", "container-token\n")
		_, _, err := sources(map[string]string{
			"AWS_REGION": "eu-central-1", "AWS_CONTAINER_CREDENTIALS_FULL_URI": test.uri, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token,
		}, world).Find(context.Background())
		require.Equal(t, test.asks, len(world.Requests()) == 1, "%s: %v", test.uri, err)
		if strings.Contains(test.uri, "169.254.170.23") {
			require.NoError(t, err)
		}
	}
}

// Where packets vanish, a machine that is no machine of AWS knows after two seconds.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := &cloudtest.World{Silent: map[string]bool{"169.254.169.254": true}}
		begun := time.Now()
		_, _, err := sources(map[string]string{}, world).Find(context.Background())
		require.ErrorIs(t, err, aws.ErrNone)
		require.Equal(t, 2*time.Second, time.Since(begun))
		require.Len(t, world.Requests(), 2)
	})
}
