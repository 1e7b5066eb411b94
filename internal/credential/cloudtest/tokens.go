package cloudtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

func hasAnyPrefix(text string, prefixes ...string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}

// GCP is the metadata service of Google Cloud. Identity makes the token for an
// audience; nil means that the machine has no service account.
type GCP struct {
	Identity func(audience string) string
}

func (g *GCP) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Metadata-Flavor", "Google")
	query := r.URL.Query()
	switch {
	case r.Header.Get("Metadata-Flavor") != "Google":
		w.WriteHeader(http.StatusForbidden)
	case r.URL.Path == "/computeMetadata/v1/instance/id":
		fmt.Fprint(w, "4242")
	case r.URL.Path == "/computeMetadata/v1/instance/service-accounts/default/identity" && g.Identity != nil:
		if query.Get("audience") == "" || query.Get("format") != "full" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		fmt.Fprint(w, g.Identity(query.Get("audience")))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// Azure is the metadata service of Azure's machines, and, below /msi, that of its App
// Service. Token makes the token for a resource and a client id, which is empty for the
// machine's own identity.
type Azure struct {
	Token  func(resource, clientID string) string
	Header string // what App Service wants in X-Identity-Header
}

func (a *Azure) serve(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	app := strings.HasPrefix(r.URL.Path, "/msi/")
	refused := !app && (r.Header.Get("Metadata") != "true" || query.Get("api-version") != "2018-02-01")
	refused = refused || app && (r.Header.Get("X-Identity-Header") != a.Header || query.Get("api-version") != "2019-08-01")
	if refused || query.Get("resource") == "" || a.Token == nil {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_request","error_description":"Required metadata header not specified"}`)
		return
	}
	json.NewEncoder(w).Encode(map[string]string{"access_token": a.Token(query.Get("resource"), query.Get("client_id")), "expires_in": "86399", "token_type": "Bearer"})
}

// Authority gives Azure's tokens for a token of another issuer.
type Authority struct {
	Tenant, ClientID, Assertion string // what has to be sent
	Token                       func(scope string) string
}

func (a *Authority) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if r.Method != http.MethodPost || r.ParseForm() != nil || r.URL.Path != "/"+a.Tenant+"/oauth2/v2.0/token" ||
		r.PostForm.Get("client_id") != a.ClientID || r.PostForm.Get("client_assertion") != a.Assertion || r.PostForm.Get("grant_type") != "client_credentials" ||
		r.PostForm.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"invalid_client","error_description":"AADSTS700213: no matching federated identity record\r\nTrace ID: 1"}`)
		return
	}
	json.NewEncoder(w).Encode(map[string]any{"token_type": "Bearer", "expires_in": 3599, "access_token": a.Token(r.PostForm.Get("scope"))})
}
