package official

import (
	"testing"
	"time"

	openapiutil "github.com/alibabacloud-go/openapi-util/service"
	"github.com/alibabacloud-go/tea/tea"
	"github.com/stretchr/testify/require"

	"infisicalfs/internal/credential/internal/alicloud"
	"infisicalfs/secret"
)

func TestAlicloud(t *testing.T) {
	for _, key := range []string{"sec ret", "a*b~c+d/e=%", "ü"} {
		parameters := alicloud.Sign(alicloud.Key{ID: "LTAIthrow", Secret: secret.NewValue(key)}, "n-1_x", time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC))
		rest := map[string]*string{}
		for name, value := range parameters {
			if name != "Signature" {
				rest[name] = tea.String(value)
			}
		}
		want := tea.StringValue(openapiutil.GetRPCSignature(rest, tea.String("GET"), tea.String(key)))
		require.Equal(t, want, parameters["Signature"])
		t.Log(key, want)
	}
}
