package aws

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// signed returns the headers that are handed over.
func signed(t *testing.T, keys Keys, region string, now time.Time) map[string]string {
	proof, err := Sign(keys, region, now)
	require.NoError(t, err)
	require.Equal(t, "POST", proof.Method)
	body, err := base64.StdEncoding.DecodeString(proof.Body)
	require.NoError(t, err)
	require.Equal(t, "Action=GetCallerIdentity&Version=2011-06-15", string(body))
	raw, err := base64.StdEncoding.DecodeString(proof.Headers)
	require.NoError(t, err)
	var headers map[string]string
	require.NoError(t, json.Unmarshal(raw, &headers))
	return headers
}

// The signatures were made by Amazon's signer, github.com/aws/aws-sdk-go-v2 v1.48.0
// (aws/signer/v4); the module beside this package makes them anew.
func TestSignatureIsAmazons(t *testing.T) {
	now := time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)
	for _, test := range []struct{ session, signature string }{
		{"", "e640ad792cb0fb5f8d8ef54ddeacbbe985a642c359e8ea59eeeb4d82361928be"},
		{"sess/tok==", "e202950187a2db6cefb07ae789f8b6fbdcb91b3cb96762d01aba94ceb58ef987"},
	} {
		keys := Keys{ID: "AKIDEXAMPLE", Secret: secret.NewValue("throwaway"), Session: secret.NewValue(test.session)}
		headers := signed(t, keys, "eu-central-1", now.In(time.FixedZone("", 7200)))
		names := "content-length;host;x-amz-date"
		want := map[string]string{
			"Accept": "application/json", "Content-Length": "43", "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
			"Host": "sts.eu-central-1.amazonaws.com", "X-Amz-Date": "20261127T030000Z",
		}
		if test.session != "" {
			names += ";x-amz-security-token"
			want["X-Amz-Security-Token"] = test.session
		}
		want["Authorization"] = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261127/eu-central-1/sts/aws4_request, SignedHeaders=" + names + ", Signature=" + test.signature
		require.Equal(t, want, headers)
	}
}

func TestRegionsThatCannotBe(t *testing.T) {
	for _, region := range []string{"cn-north-1", "", "eu-central-1.evil.example/", "EU-CENTRAL-1", "a-region-of-many-letters"} {
		_, err := Sign(Keys{ID: "AKIDEXAMPLE"}, region, time.Now())
		var coded *exitcode.Error
		require.ErrorAs(t, err, &coded, region)
		require.Equal(t, exitcode.Config, coded.Code)
	}
}

func TestNothingIsPrinted(t *testing.T) {
	keys := Keys{ID: "AKIDEXAMPLE", Secret: secret.NewValue("throwaway"), Session: secret.NewValue("canary")}
	proof, err := Sign(keys, "eu-central-1", time.Now())
	require.NoError(t, err)
	for _, form := range []string{"%v", "%+v", "%#v", "%s"} {
		text := fmt.Sprintf(form+form, keys, proof)
		require.NotContains(t, text, "throwaway")
		require.NotContains(t, text, "canary")
		require.NotContains(t, text, proof.Headers)
	}
}
