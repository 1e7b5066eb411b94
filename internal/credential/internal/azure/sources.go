package azure

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"infisicalfs/internal/credential/internal/metadata"
	"infisicalfs/internal/credential/internal/roundtrip"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// appWait is for an address on the same machine.
const appWait = 5 * time.Second

// Sources is where tokens are asked for. All fields are needed.
type Sources struct {
	Lookup   func(name string) (string, bool) // the environment
	Web      http.RoundTripper                // to Azure's log-in, over the internet
	Local    http.RoundTripper                // to the address that an application is told, without a proxy
	Metadata *metadata.Client
}

// Hint says in a few words which source would be asked, empty if there is none. Nobody
// is asked for that but the metadata service, whether it is there, on a machine that
// seems to have one.
func (s *Sources) Hint(ctx context.Context) string {
	for _, name := range []string{federatedVariable, endpointVariable} {
		if s.variable(name) != "" {
			return name
		}
	}
	return s.Metadata.Here(ctx, metadata.Azure)
}

const endpointVariable = "IDENTITY_ENDPOINT"

// Files are the files that a token may be made of.
func (s *Sources) Files() []string {
	if path := s.variable(federatedVariable); path != "" {
		return []string{path}
	}
	return nil
}

// Token returns an access token for the resource, an address. ClientID picks one of
// several identities; empty means AZURE_CLIENT_ID for a workload and else the machine's
// own. Errors are an [exitcode.Error] or a failure to reach somebody; where there
// is no source at all they wrap [metadata.ErrAbsent].
func (s *Sources) Token(ctx context.Context, resource, clientID string) (secret.Value, error) {
	switch {
	case s.variable(federatedVariable) != "":
		return s.ofWorkload(ctx, resource, clientID)
	case s.variable(endpointVariable) != "":
		return s.ofApplication(ctx, resource, clientID)
	default:
		return s.ofMachine(ctx, resource, clientID)
	}
}

// ofApplication asks the address that App Service and what is built on it tell an
// application. Others use the same variable for protocols of their own.
func (s *Sources) ofApplication(ctx context.Context, resource, clientID string) (secret.Value, error) {
	header := s.variable("IDENTITY_HEADER")
	if header == "" || s.variable("IDENTITY_SERVER_THUMBPRINT") != "" {
		return secret.Value{}, exitcode.Errorf(exitcode.Config, "use another method of log-in",
			"Azure: %s is of Azure Arc or Service Fabric, whose identities infisicalfs cannot use", endpointVariable)
	}
	r, err := http.NewRequest(http.MethodGet, s.variable(endpointVariable)+"?"+query("2019-08-01", resource, clientID), nil)
	if err != nil {
		return secret.Value{}, exitcode.Errorf(exitcode.Config, "correct or unset it", "%s is no address", endpointVariable)
	}
	r.Header.Set("X-Identity-Header", header)
	answer, err := roundtrip.Send(ctx, s.Local, r, appWait)
	if err != nil {
		return secret.Value{}, exitcode.Errorf(exitcode.Unreachable, "see whether the application has an identity", "Azure: %s does not answer: %w", endpointVariable, err)
	}
	return tokenOf(answer, "App Service")
}

// ofMachine asks the metadata service.
func (s *Sources) ofMachine(ctx context.Context, resource, clientID string) (secret.Value, error) {
	answer, err := s.Metadata.Ask(ctx, metadata.Azure, http.MethodGet,
		"/metadata/identity/oauth2/token?"+query("2018-02-01", resource, clientID), http.Header{"Metadata": {"true"}})
	if errors.Is(err, metadata.ErrAbsent) {
		return secret.Value{}, exitcode.Errorf(exitcode.Login, "run where there is a managed identity of Azure, or as a workload with AZURE_FEDERATED_TOKEN_FILE", "%w", err)
	}
	if err != nil {
		return secret.Value{}, exitcode.Errorf(exitcode.Unreachable, "try again later", "%w", err)
	}
	return tokenOf(answer, "the metadata service")
}

func query(version, resource, clientID string) string {
	values := url.Values{"api-version": {version}, "resource": {resource}}
	if clientID != "" {
		values.Set("client_id", clientID)
	}
	return values.Encode()
}

// tokenOf reads what all of Azure's services answer.
func tokenOf(answer roundtrip.Answer, whose string) (secret.Value, error) {
	var v struct {
		Token       string `json:"access_token"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	understood := json.Unmarshal(answer.Body, &v) == nil
	switch {
	case answer.Status == http.StatusOK && understood && v.Token != "":
		return secret.NewValue(v.Token), nil
	case answer.Status == http.StatusTooManyRequests || answer.Status >= 500:
		return secret.Value{}, exitcode.Errorf(exitcode.Unreachable, "try again later", "Azure: %s cannot answer now: status %d", whose, answer.Status)
	}
	// Azure's descriptions go on for lines with numbers of the request.
	first, _, _ := strings.Cut(v.Description, "\n")
	return secret.Value{}, exitcode.Errorf(exitcode.Login, "see whether the identity exists here, and its client id",
		"Azure: %s gives no token: %s", whose, roundtrip.Status(answer.Status, strings.TrimSpace(v.Error+" "+first)))
}

func (s *Sources) variable(name string) string {
	text, _ := s.Lookup(name)
	return strings.TrimSpace(text)
}
