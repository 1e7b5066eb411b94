package devserver

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// What each method of identities says to each mistake.
func TestLoginsOfIdentities(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	id := c.s.Credentials("viewer").IdentityID
	good := object{"iss": "i", "sub": "system:serviceaccount:shop:web", "aud": []string{"x", "infisical"}, "plan": "a"}
	with := func(name string, value any) string {
		claims := object{}
		for k, v := range good {
			claims[k] = v
		}
		claims[name] = value
		return c.s.IssueJWT(claims)
	}
	forged := func() string {
		text := c.s.IssueJWT(good)
		return text[:len(text)-4] + "AAAA"
	}
	jwt := Login{Issuer: "i", Subject: "system:serviceaccount:shop:*", Audiences: []string{"infisical"}, Claims: map[string]string{"plan": "a"}}
	for _, row := range []struct {
		method string
		body   object
		status int
		name   string
	}{
		{"kubernetes-auth", object{"jwt": c.s.IssueJWT(good)}, 200, ""},
		{"kubernetes-auth", object{"jwt": c.s.IssueJWT(good) + "\n"}, 401, "KubernetesTokenReviewError"},
		{"kubernetes-auth", object{"jwt": with("sub", "system:serviceaccount:other:web")}, 401, "UnauthorizedError"},
		{"kubernetes-auth", object{"jwt": with("exp", time.Now().Add(-time.Second).Unix())}, 401, "KubernetesTokenReviewError"},
		{"kubernetes-auth", object{}, 422, "ValidationFailure"},
		{"oidc-auth", object{"jwt": c.s.IssueJWT(good)}, 200, ""},
		{"oidc-auth", object{"jwt": with("sub", "x")}, 403, "ForbiddenError"},
		{"oidc-auth", object{"jwt": with("iss", "x")}, 401, "UnauthorizedError"},
		{"oidc-auth", object{"jwt": with("plan", "b")}, 401, "UnauthorizedError"},
		{"jwt-auth", object{"jwt": c.s.IssueJWT(good)}, 200, ""},
		{"jwt-auth", object{"jwt": with("aud", "x")}, 401, "UnauthorizedError"},
		{"jwt-auth", object{"jwt": with("sub", "x")}, 401, "UnauthorizedError"},
		{"jwt-auth", object{"jwt": forged()}, 401, "UnauthorizedError"},
		{"jwt-auth", object{"jwt": "garbage"}, 401, "UnauthorizedError"},
		{"jwt-auth", object{"jwt": 7}, 422, "ValidationFailure"},
		{"ldap-auth", object{"username": "me", "password": "fake"}, 200, ""},
		{"ldap-auth", object{"username": "me", "password": "wrong"}, 401, "UnauthorizedError"},
		{"ldap-auth", object{"username": "me"}, 422, "ValidationFailure"},
		{"tls-cert-auth", object{}, 400, "BadRequest"},
	} {
		setup := jwt
		setup.Method, setup.Username, setup.Password = row.method, "me", "fake"
		c.edit(func(e *Editor) error { return e.SetLogin("viewer", setup) })
		row.body["identityId"] = id
		r := c.do("POST", "/api/v1/auth/"+row.method+"/login", row.body).is(row.status, row.name)
		if row.status == 200 {
			claims := decodeClaims(t, r.body["accessToken"].(string))
			require.Equal(t, row.method, claims["authMethod"])
			require.NotContains(t, claims, "clientSecretId")
		}
		c.edit(func(e *Editor) error { return e.RemoveLogin("viewer", row.method) })
		if row.status != 422 {
			r = c.do("POST", "/api/v1/auth/"+row.method+"/login", row.body).is(404, "NotFound")
			require.True(t, strings.HasPrefix(r.body["message"].(string), row.method+" auth method not found for identity"))
		}
	}
}

func TestLoginsFromOtherAddresses(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	c.edit(func(e *Editor) error { return e.SetAddresses("viewer", "10.0.0.0/8") })
	c.login("viewer").is(403, "ForbiddenError")
	c.edit(func(e *Editor) error { return e.SetAddresses("viewer", "10.0.0.0/8", "192.0.2.0/24") })
	c.login("viewer").is(200, "")
}

func TestSubOrganizations(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	who := c.s.Credentials("viewer")
	login := func(slug string) reply {
		return c.do("POST", "/api/v1/auth/universal-auth/login", object{"clientId": who.ClientID, "clientSecret": who.ClientSecret, "organizationSlug": slug})
	}
	login("branch").is(404, "NotFound")
	c.edit(func(e *Editor) error { return e.AddOrganization("branch", "admin") })
	login("branch").is(401, "UnauthorizedError")
	c.edit(func(e *Editor) error { return e.AddOrganization("branch", "viewer") })
	claims := decodeClaims(t, login("branch").is(200, "").body["accessToken"].(string))
	require.NotEqual(t, who.OrganizationID, claims["orgId"])
	require.Equal(t, who.OrganizationID, claims["rootOrgId"])
}

// As for client secrets: three wrong passwords, and none is taken for five minutes.
func TestLockoutOfADirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTester(t, Config{}, "admin")
		c.edit(func(e *Editor) error {
			return e.SetLogin("viewer", Login{Method: "ldap-auth", Username: "me", Password: "fake"})
		})
		login := func(password string) reply {
			return c.do("POST", "/api/v1/auth/ldap-auth/login", object{"identityId": c.s.Credentials("viewer").IdentityID, "username": "me", "password": password})
		}
		for range 3 {
			login("wrong").is(401, "UnauthorizedError")
		}
		require.Contains(t, login("fake").is(401, "UnauthorizedError").body["message"], "temporarily locked")
		time.Sleep(5*time.Minute + time.Second)
		login("fake").is(200, "")
	})
}
