package azure

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/credential/cloudtest"
	"infisicalfs/internal/credential/internal/metadata"
	"infisicalfs/internal/exitcode"
)

func sources(environment map[string]string, world *cloudtest.World) *Sources {
	lookup := func(name string) (string, bool) { text, ok := environment[name]; return text, ok }
	return &Sources{Lookup: lookup, Web: world, Local: world,
		Metadata: metadata.New(metadata.Config{Lookup: lookup, DMI: "/nonexistent", Transport: world})}
}

// everything is a place where each source gives a token of its own.
func everything(t *testing.T) (map[string]string, *cloudtest.World) {
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, []byte("jwt-of-pod\n"), 0o600))
	return map[string]string{
			"AZURE_FEDERATED_TOKEN_FILE": path, "AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "pod",
			"IDENTITY_ENDPOINT": "http://169.254.169.254/msi/token", "IDENTITY_HEADER": "app-header",
		}, &cloudtest.World{
			Azure:     &cloudtest.Azure{Header: "app-header", Token: func(resource, client string) string { return "of machine or app " + resource + " " + client }},
			Authority: &cloudtest.Authority{Tenant: "tenant", ClientID: "pod", Assertion: "jwt-of-pod", Token: func(scope string) string { return "of pod " + scope }},
		}
}

const resource = "https://management.azure.com/"

func TestOrder(t *testing.T) {
	environment, world := everything(t)
	s := sources(environment, world)
	check := func(want, hint, client string, request string) {
		t.Helper()
		require.Equal(t, hint, s.Hint(context.Background()))
		before := len(world.Requests())
		token, err := s.Token(context.Background(), resource, client)
		require.NoError(t, err)
		require.Equal(t, want, token.Reveal())
		require.Equal(t, []string{request}, world.Requests()[before:])
	}
	check("of pod https://management.azure.com/.default", "AZURE_FEDERATED_TOKEN_FILE", "", "POST login.microsoftonline.com/tenant/oauth2/v2.0/token")
	delete(environment, "AZURE_FEDERATED_TOKEN_FILE")
	check("of machine or app "+resource+" c", "IDENTITY_ENDPOINT", "c", "GET 169.254.169.254/msi/token")
	delete(environment, "IDENTITY_ENDPOINT")
	check("of machine or app "+resource+" ", "", "", "GET 169.254.169.254/metadata/identity/oauth2/token")
}

func TestFailures(t *testing.T) {
	for _, test := range []struct {
		name   string
		with   map[string]string
		change func(*cloudtest.World)
		fails  string
		code   int
	}{
		{name: "no tenant", with: map[string]string{"AZURE_TENANT_ID": ""}, fails: "without AZURE_CLIENT_ID or AZURE_TENANT_ID", code: exitcode.Config},
		{name: "no token file", with: map[string]string{"AZURE_FEDERATED_TOKEN_FILE": "/nonexistent"}, fails: "no such file", code: exitcode.Config},
		{name: "no TLS", with: map[string]string{"AZURE_AUTHORITY_HOST": "http://login.example/"}, fails: "no https address", code: exitcode.Config},
		{name: "another client", with: map[string]string{"AZURE_CLIENT_ID": "other"}, fails: "status 401 invalid_client AADSTS700213: no matching federated identity record", code: exitcode.Login},
		{name: "no log-in", change: func(w *cloudtest.World) { w.Authority = nil }, fails: "connection refused", code: exitcode.Unreachable},
		{name: "Arc", with: map[string]string{"AZURE_FEDERATED_TOKEN_FILE": "", "IDENTITY_HEADER": ""}, fails: "Azure Arc", code: exitcode.Config},
		{name: "another application", with: map[string]string{"AZURE_FEDERATED_TOKEN_FILE": "", "IDENTITY_HEADER": "wrong"}, fails: "App Service gives no token: status 400", code: exitcode.Login},
		{name: "no identity", with: map[string]string{"AZURE_FEDERATED_TOKEN_FILE": "", "IDENTITY_ENDPOINT": ""}, change: func(w *cloudtest.World) { w.Azure.Token = nil }, fails: "the metadata service gives no token: status 400", code: exitcode.Login},
		{name: "nothing", with: map[string]string{"AZURE_FEDERATED_TOKEN_FILE": "", "IDENTITY_ENDPOINT": ""}, change: func(w *cloudtest.World) { w.Azure = nil }, fails: "no metadata service", code: exitcode.Login},
	} {
		t.Run(test.name, func(t *testing.T) {
			environment, world := everything(t)
			maps.Copy(environment, test.with)
			if test.change != nil {
				test.change(world)
			}
			_, err := sources(environment, world).Token(context.Background(), resource, "")
			require.ErrorContains(t, err, test.fails)
			require.NotContains(t, err.Error(), "jwt-of-pod")
			require.NotContains(t, err.Error(), "app-header")
			require.NotContains(t, err.Error(), "Trace ID")
			var coded *exitcode.Error
			require.ErrorAs(t, err, &coded)
			require.Equal(t, test.code, coded.Code)
			require.NotEmpty(t, coded.Hint)
			require.LessOrEqual(t, len(world.Requests()), 1)
		})
	}
}

// Where packets vanish, a machine that is none of Azure's knows after a second.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := &cloudtest.World{Silent: map[string]bool{"169.254.169.254": true}}
		begun := time.Now()
		_, err := sources(nil, world).Token(context.Background(), resource, "")
		require.ErrorIs(t, err, metadata.ErrAbsent)
		require.Equal(t, time.Second, time.Since(begun))
	})
}
