package azure

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"infisicalfs/internal/credential/internal/roundtrip"
	"infisicalfs/internal/credential/internal/tokenfile"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

const federatedVariable = "AZURE_FEDERATED_TOKEN_FILE"

// authorityWait is how long Azure's log-in may take, which is on the internet.
const authorityWait = 10 * time.Second

// ofWorkload exchanges the token in a file, which another issuer made (of a Kubernetes
// cluster, in pods), for one of Azure.
func (s *Sources) ofWorkload(ctx context.Context, resource, clientID string) (secret.Value, error) {
	clientID = cmp.Or(clientID, s.variable("AZURE_CLIENT_ID"))
	tenant := s.variable("AZURE_TENANT_ID")
	if clientID == "" || tenant == "" {
		return secret.Value{}, exitcode.Errorf(exitcode.Config, "set both", "%s without AZURE_CLIENT_ID or AZURE_TENANT_ID", federatedVariable)
	}
	authority, err := url.Parse(cmp.Or(s.variable("AZURE_AUTHORITY_HOST"), "https://login.microsoftonline.com/"))
	if err != nil || authority.Host == "" || authority.Scheme != "https" && !isLoopback(authority.Hostname()) {
		return secret.Value{}, exitcode.Errorf(exitcode.Config, "correct or unset it", "AZURE_AUTHORITY_HOST is no https address")
	}
	assertion, err := tokenfile.Token(federatedVariable, s.variable(federatedVariable))
	if err != nil {
		return secret.Value{}, err
	}
	form := url.Values{
		"grant_type":            {"client_credentials"},
		"client_id":             {clientID},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion.Reveal()},
		"scope":                 {strings.TrimRight(resource, "/") + "/.default"},
	}
	r, err := http.NewRequest(http.MethodPost, authority.JoinPath(tenant, "oauth2/v2.0/token").String(), strings.NewReader(form.Encode()))
	if err != nil {
		return secret.Value{}, exitcode.Errorf(exitcode.Config, "correct them", "AZURE_AUTHORITY_HOST and AZURE_TENANT_ID make no address")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := roundtrip.Send(ctx, s.Web, r, authorityWait)
	if err != nil {
		return secret.Value{}, exitcode.Errorf(exitcode.Unreachable, "see whether this machine reaches "+authority.Host, "Azure: the log-in does not answer: %w", err)
	}
	return tokenOf(answer, "the log-in of "+authority.Host)
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}
