package alicloud

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// The signatures were made by Alibaba's module github.com/alibabacloud-go/openapi-util
// v0.1.1 (GetRPCSignature); the module beside this package makes them anew.
func TestSignatureIsAlibabas(t *testing.T) {
	now := time.Date(2026, 11, 27, 4, 0, 0, 0, time.FixedZone("", 3600))
	for key, signature := range map[string]string{
		"sec ret":     "n9bQczmRYlvLWmBoRS0xLKhEFpI=",
		"a*b~c+d/e=%": "8XdPWk2QyzU7J6lDA3ZJ/u95hoQ=",
		"ü":           "MRUG1V9NaycBIagOFjJoJxsuQIQ=",
	} {
		require.Equal(t, map[string]string{
			"Action": "GetCallerIdentity", "Format": "JSON", "Version": "2015-04-01", "AccessKeyId": "LTAIthrow", "SignatureMethod": "HMAC-SHA1",
			"SignatureVersion": "1.0", "SignatureNonce": "n-1_x", "Timestamp": "2026-11-27T03:00:00Z", "Signature": signature,
		}, Sign(Key{"LTAIthrow", secret.NewValue(key)}, "n-1_x", now))
	}
}

func TestEscape(t *testing.T) {
	require.Equal(t, "%20%2A~%2B%2F-_.%25%3A", escape(" *~+/-_.%:"))
}

func TestFind(t *testing.T) {
	for _, test := range []struct {
		name  string
		set   map[string]string
		fails string
		code  int
	}{
		{name: "both", set: map[string]string{idVariable: " LTAI5t ", secretVariable: "s\n"}},
		{name: "none", fails: ErrNone.Error(), code: exitcode.Login},
		{name: "half", set: map[string]string{idVariable: "LTAI5t"}, fails: "only one of", code: exitcode.Config},
		{name: "temporary by its id", set: map[string]string{idVariable: "STS.x", secretVariable: "s"}, fails: "is temporary", code: exitcode.Config},
		{name: "temporary by its token", set: map[string]string{idVariable: "LTAI5t", secretVariable: "s", tokenVariable: "t"}, fails: "is temporary", code: exitcode.Config},
		{name: "odd", set: map[string]string{idVariable: "LTAI 5t", secretVariable: "s"}, fails: "no id of an access key", code: exitcode.Config},
	} {
		key, err := Find(func(name string) (string, bool) { text, ok := test.set[name]; return text, ok })
		if test.fails == "" {
			require.NoError(t, err)
			require.Equal(t, "LTAI5t", key.ID)
			require.Equal(t, "s", key.Secret.Reveal())
			continue
		}
		require.ErrorContains(t, err, test.fails, test.name)
		var coded *exitcode.Error
		require.ErrorAs(t, err, &coded)
		require.Equal(t, test.code, coded.Code, test.name)
	}
}
