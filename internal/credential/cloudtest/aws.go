package cloudtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Keys are keys as AWS gives them to machines.
type Keys struct{ ID, Secret, Session string }

func (k Keys) json(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain") // as the real one
	json.NewEncoder(w).Encode(map[string]string{
		"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": k.ID, "SecretAccessKey": k.Secret, "Token": k.Session,
		"LastUpdated": "2026-11-27T03:00:00Z", "Expiration": "2030-11-27T09:00:00Z",
	})
}

// AWS is the metadata service of a virtual machine of AWS.
type AWS struct {
	Role      string // empty: the machine has none
	Keys      Keys
	Region    string
	TokensOff bool // it has the first version only
	TokensGo  bool // no answer to a request for a token arrives
	TokensOn  bool // the first version is switched off
}

const awsToken = "session-token=="

func (a *AWS) serve(w http.ResponseWriter, r *http.Request) {
	const roles = "/latest/meta-data/iam/security-credentials/"
	if r.URL.Path == "/latest/api/token" {
		switch {
		case a.TokensGo:
			<-r.Context().Done()
		case r.Method != http.MethodPut || r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") == "":
			w.WriteHeader(http.StatusBadRequest)
		case a.TokensOff:
			w.WriteHeader(http.StatusForbidden)
		default:
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"))
			fmt.Fprint(w, awsToken)
		}
		return
	}
	token := r.Header.Get("X-Aws-Ec2-Metadata-Token")
	if token != awsToken && (token != "" || a.TokensOn) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	switch path := r.URL.Path; {
	case path == roles && a.Role != "":
		fmt.Fprint(w, a.Role)
	case path == roles+a.Role && a.Role != "":
		a.Keys.json(w)
	case path == "/latest/meta-data/placement/region":
		fmt.Fprint(w, a.Region)
	case path == "/latest/meta-data/":
		fmt.Fprint(w, "iam/\nplacement/")
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// Container is the address at which containers of AWS are given keys.
type Container struct {
	Keys          Keys
	Authorization string // what has to be sent
}

func (c *Container) serve(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != c.Authorization {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"code":"AccessDenied","message":"wrong token"}`)
		return
	}
	c.Keys.json(w)
}

// STS gives keys for a token of another issuer.
type STS struct {
	Role, Token string // what has to be sent; anything else is refused
	Keys        Keys
}

func isSTS(host string) bool {
	return strings.HasPrefix(host, "sts.") && strings.HasSuffix(host, ".amazonaws.com")
}

func (s *STS) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/xml")
	if r.Method != http.MethodPost || r.ParseForm() != nil || r.PostForm.Get("Action") != "AssumeRoleWithWebIdentity" ||
		r.PostForm.Get("RoleSessionName") == "" || r.PostForm.Get("RoleArn") != s.Role || r.PostForm.Get("WebIdentityToken") != s.Token {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code><Message>not &amp; never</Message></Error></ErrorResponse>`)
		return
	}
	fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
  <Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, s.Keys.ID, s.Keys.Secret, s.Keys.Session)
}
