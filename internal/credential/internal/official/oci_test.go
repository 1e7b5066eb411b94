package official

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/stretchr/testify/require"

	"infisicalfs/internal/credential/cloudtest"
	"infisicalfs/internal/credential/internal/oci"
)

func TestOCI(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(path, []byte(cloudtest.KeyPEM), 0o600))
	environment := map[string]string{
		"OCI_CLI_USER": "ocid1.user.oc1..u", "OCI_CLI_TENANCY": "ocid1.tenancy.oc1..t", "OCI_CLI_FINGERPRINT": "aa:bb",
		"OCI_CLI_REGION": "eu-frankfurt-1", "OCI_CLI_KEY_FILE": path,
	}
	key, err := oci.Find(func(name string) (string, bool) { text, ok := environment[name]; return text, ok })
	require.NoError(t, err)
	headers, err := oci.Sign(key, time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC))
	require.NoError(t, err)

	provider := common.NewRawConfigurationProvider(key.Tenancy, key.User, key.Region, key.Fingerprint, cloudtest.KeyPEM, nil)
	r, err := http.NewRequest(http.MethodGet, "https://"+headers["host"]+"/20160918/users/"+key.User, nil)
	require.NoError(t, err)
	r.Header.Set("Date", headers["date"])
	require.NoError(t, common.DefaultRequestSigner(provider).Sign(r))
	require.Equal(t, r.Header.Get("Authorization"), headers["authorization"])
	t.Log(headers["authorization"])
}
