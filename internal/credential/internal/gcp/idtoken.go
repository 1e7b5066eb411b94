package gcp

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"infisicalfs/internal/credential/internal/metadata"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

const tokenPath = "/computeMetadata/v1/instance/service-accounts/default/identity"

// IDToken returns a JWT about the machine's service account for the audience, with the
// account's address in it. Errors are an [exitcode.Error]; where there is no metadata
// service they wrap [metadata.ErrAbsent].
func IDToken(ctx context.Context, m *metadata.Client, audience string) (secret.Value, error) {
	query := url.Values{"audience": {audience}, "format": {"full"}}
	answer, err := m.Ask(ctx, metadata.GCP, http.MethodGet, tokenPath+"?"+query.Encode(), nil)
	token := strings.TrimSpace(string(answer.Body))
	switch {
	case errors.Is(err, metadata.ErrAbsent):
		return secret.Value{}, exitcode.Errorf(exitcode.Login, "run where there is a service account of Google Cloud, or log in with its key (--auth gcp-iam)", "%w", err)
	case err != nil:
		return secret.Value{}, exitcode.Errorf(exitcode.Unreachable, "try again later", "%w", err)
	case answer.Status == http.StatusNotFound:
		return secret.Value{}, exitcode.Errorf(exitcode.Login, "give the machine a service account", "Google Cloud: this machine has no service account")
	case answer.Status != http.StatusOK:
		return secret.Value{}, exitcode.Errorf(exitcode.Login, "see whether the machine has a service account", "Google Cloud: the metadata service gives no token: status %d", answer.Status)
	case strings.Count(token, ".") != 2:
		return secret.Value{}, exitcode.Errorf(exitcode.Login, "see whether the machine has a service account", "Google Cloud: what the metadata service gives is no token")
	}
	return secret.NewValue(token), nil
}
