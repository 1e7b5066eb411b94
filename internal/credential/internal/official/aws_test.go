package official

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/stretchr/testify/require"

	"infisicalfs/internal/credential/internal/aws"
	"infisicalfs/secret"
)

func TestAWS(t *testing.T) {
	for _, session := range []string{"", "sess/tok=="} {
		for _, region := range []string{"eu-central-1", "us-east-1", "us-gov-west-1"} {
			for _, now := range []time.Time{time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC), time.Now()} {
				proof, err := aws.Sign(aws.Keys{ID: "AKIDEXAMPLE", Secret: secret.NewValue("throwaway"), Session: secret.NewValue(session)}, region, now)
				require.NoError(t, err)
				body, err := base64.StdEncoding.DecodeString(proof.Body)
				require.NoError(t, err)
				raw, err := base64.StdEncoding.DecodeString(proof.Headers)
				require.NoError(t, err)
				var headers map[string]string
				require.NoError(t, json.Unmarshal(raw, &headers))

				r, err := http.NewRequest(proof.Method, "https://"+headers["Host"]+"/", strings.NewReader(string(body)))
				require.NoError(t, err)
				sum := sha256.Sum256(body)
				keys := sdk.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "throwaway", SessionToken: session}
				require.NoError(t, v4.NewSigner().SignHTTP(context.Background(), keys, r, hex.EncodeToString(sum[:]), "sts", region, now))
				require.Equal(t, r.Header.Get("Authorization"), headers["Authorization"])
				t.Logf("%s %s: %s", region, now.Format(time.RFC3339), headers["Authorization"])
			}
		}
	}
}
