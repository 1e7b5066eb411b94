package credential

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// What feeds the method oidc-auth besides what takes any JWT.
var (
	oidcVariable = Setting{Variables: []string{"INFISICAL_OIDC_AUTH_JWT"}, Secret: true}

	// CI systems such as GitLab let people choose the variable's name.
	oidcTokenEnv = Setting{Flag: "oidc-token-env", Usage: "`name` of the variable that has the JWT (oidc-auth)", Variables: []string{"INFISICAL_OIDC_AUTH_TOKEN_NAME"}}
	oidcAudience = Setting{Flag: "oidc-audience", Usage: "`audience` to ask GitHub Actions for (oidc-auth)", Shared: true}

	// GitHub's and Forgejo's runners answer there to who shows the token.
	actionsURL   = Setting{Variables: []string{"ACTIONS_ID_TOKEN_REQUEST_URL"}, Shared: true}
	actionsToken = Setting{Variables: []string{"ACTIONS_ID_TOKEN_REQUEST_TOKEN"}, Secret: true, Shared: true, Platform: true}
)

// oidcAuth is a JWT of an issuer whose keys the server looks up.
func oidcAuth() *Method {
	return &Method{
		Name: "oidc-auth", Path: "oidc-auth", Summary: "a JWT of an OpenID Connect issuer, such as a CI system's",
		Identity: []string{"INFISICAL_OIDC_AUTH_IDENTITY_ID", "INFISICAL_OIDC_IDENTITY_ID"},
		Settings: []Setting{jwtFile(), jwtVariable(), oidcVariable, oidcTokenEnv, oidcAudience, actionsURL, actionsToken},
		Remote:   true,
		Elsewhere: func(_ context.Context, s *Search, rank Rank) string {
			if rank == Machine && s.variable(actionsURL.Variables[0]) != "" && s.variable(actionsToken.Variables[0]) != "" {
				return "GitHub Actions (" + actionsURL.Variables[0] + ")"
			}
			return ""
		},
		Prove: proveOIDC,
	}
}

func proveOIDC(s *Search) (Prover, error) {
	if name, from := s.Text(oidcTokenEnv); name != "" {
		text := s.variable(name)
		if text == "" {
			return Prover{}, exitcode.Errorf(exitcode.Login, "have the CI job set it, or name another", "%s: the variable %s is not set", from, name)
		}
		value := secret.NewValue(text)
		return proveByJWT(Source{name, "", func() (secret.Value, error) { return value, nil }}), oneWord(name, text)
	}
	source, err := s.Secret(jwtFile(), oidcVariable, jwtVariable())
	if err != nil {
		return Prover{}, err
	}
	if source.From != "" {
		return proveByJWT(source), nil
	}
	address, from := s.Text(actionsURL)
	bearer, err := s.Secret(actionsToken)
	if err != nil {
		return Prover{}, err
	}
	if address == "" || bearer.From == "" {
		return Prover{}, missing("oidc-auth", "--jwt-file", "--oidc-token-env", "INFISICAL_JWT", "in GitHub Actions the permission id-token: write")
	}
	audience, _ := s.Text(oidcAudience)
	return Prover{Proof: func(ctx context.Context) (client.Proof, error) {
		text, err := askActions(ctx, address, bearer, audience)
		if err != nil {
			return client.Proof{}, fmt.Errorf("%s: %w", from, err)
		}
		return jwtProof(from, secret.NewValue(text))
	}}, nil
}

// askActions asks the runner of a CI job for a JWT.
func askActions(ctx context.Context, address string, bearer Source, audience string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return "", errors.New("this is no address")
	}
	if audience != "" {
		query := u.Query()
		query.Set("audience", audience)
		u.RawQuery = query.Encode()
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	token, err := bearer.Read()
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", errors.New("this is no address")
	}
	r.Header.Set("Authorization", "bearer "+token.Reveal())
	r.Header.Set("Accept", "application/json")
	once := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := once.Do(r)
	if err != nil {
		return "", fmt.Errorf("the runner does not answer: %w: %w", withoutAddress(err), secret.ErrUnavailable)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxFile))
	var body struct{ Value string }
	switch {
	case err != nil:
		return "", fmt.Errorf("the runner's answer breaks off: %w", secret.ErrUnavailable)
	case answer.StatusCode != http.StatusOK:
		return "", fmt.Errorf("the runner gives no token: it says %s", answer.Status)
	case json.Unmarshal(text, &body) != nil || strings.TrimSpace(body.Value) == "":
		return "", errors.New("the runner's answer has no token")
	}
	return strings.TrimSpace(body.Value), nil
}

// withoutAddress takes the address out of an error: it may have a token in it.
func withoutAddress(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
