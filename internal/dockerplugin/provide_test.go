package dockerplugin

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

const whereabouts = `"infisicalfs.project": "shop", "infisicalfs.env": "prod"`

func ask(name, labels string) string {
	return fmt.Sprintf(`{"SecretName": %q, "SecretLabels": {%s}, "ServiceName": "web", "ServiceEndpointSpec": {"Mode": 0}}`, name, labels)
}

func TestProvidesASecret(t *testing.T) {
	e := newEngine(t, newFake())
	e.call("/SecretProvider.GetSecret", ask("DB", whereabouts), `{"Value": "REIgb2Ygc2hvcC9wcm9k", "DoNotReuse": true}`) // DB of shop/prod
	e.call("/SecretProvider.GetSecret", ask("my-db", whereabouts+`, "infisicalfs.key": "DB", "infisicalfs.path": "/x", "theirs": "1"`),
		`{"Value": "REIgb2Ygc2hvcC9wcm9kL3g=", "DoNotReuse": true}`) // DB of shop/prod/x
}

// Swarm tells nobody why it has no secret, so the log has to, with the service.
func TestSecretsThatAreNot(t *testing.T) {
	f := newFake()
	e := newEngine(t, f)
	of := `the secret "DB" for the service "web": `
	require.Equal(t, of+`the secret "DB" does not say where it is`, e.refused("/SecretProvider.GetSecret", ask("DB", `"infisicalfs.project": "shop"`)))
	require.Equal(t, of+"it is empty, and Swarm takes no empty secrets", e.refused("/SecretProvider.GetSecret", ask("DB", whereabouts+`, "infisicalfs.key": "EMPTY"`)))
	require.Equal(t, of+"it has 512001 bytes, and Swarm takes 512000", e.refused("/SecretProvider.GetSecret", ask("DB", whereabouts+`, "infisicalfs.key": "LARGE"`)))
	f.fail = errors.New("no access")
	require.Equal(t, of+"no access", e.refused("/SecretProvider.GetSecret", ask("DB", whereabouts)))
	require.Contains(t, e.log.String(), "secret=DB service=web")
}
