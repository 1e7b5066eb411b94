package devserver

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver/internal/store"
)

func decodeClaims(t *testing.T, token string) object {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	var c object
	require.NoError(t, json.Unmarshal(payload, &c))
	return c
}

func TestTokenClaims(t *testing.T) {
	old := decodeClaims(t, newTester(t, Config{Profile: Y2024}, "admin").token)
	require.ElementsMatch(t, []string{"identityId", "clientSecretId", "identityAccessTokenId", "authTokenType", "iat", "exp"}, store.SortedKeys(old))
	require.Equal(t, 86400.0, old["exp"].(float64)-old["iat"].(float64), "exp is the max TTL")

	c := newTester(t, Config{}, "admin")
	now := decodeClaims(t, c.token)
	require.Equal(t, 7200.0, now["exp"].(float64)-now["iat"].(float64), "exp is the TTL")
	require.Equal(t, c.s.Credentials("admin").OrganizationID, now["orgId"])
	require.Equal(t, "admin", now["identityName"])
	require.Equal(t, "identityAccessToken", now["authTokenType"])

	user := decodeClaims(t, c.s.UserToken())
	require.Equal(t, "accessToken", user["authTokenType"])
}

func TestCurrentTokenLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTester(t, Config{Token: store.TokenConfig{TTL: time.Minute, MaxTTL: 150 * time.Second}}, "admin")
		renew := func(c *tester) reply { return c.do("POST", "/api/v1/auth/token/renew", object{"accessToken": c.token}) }

		time.Sleep(50 * time.Second)
		r := renew(c)
		r.is(200, "")
		renewed := &tester{t, c.s, r.body["accessToken"].(string)}
		require.NotEqual(t, c.token, renewed.token)
		require.Equal(t, 60.0, r.body["expiresIn"])

		time.Sleep(15 * time.Second) // the first token is past its TTL
		c.list().is(403, "TokenError")
		renewed.list().is(200, "")

		time.Sleep(40 * time.Second)
		r = renew(renewed)
		r.is(200, "")
		require.Equal(t, 45.0, r.body["expiresIn"], "no longer than the max TTL")
		last := &tester{t, c.s, r.body["accessToken"].(string)}

		time.Sleep(time.Minute)
		last.list().is(403, "TokenError")
		renew(last).is(403, "TokenError")
	})
}

func TestRevoke(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	other := c.as("viewer")
	c.do("POST", "/api/v1/auth/token/revoke", object{"accessToken": c.token}).is(200, "")
	c.list().is(401, "UnauthorizedError")

	other.edit(func(e *Editor) error { return e.Revoke("viewer") })
	other.list().is(401, "UnauthorizedError")
	c.as("viewer").list().is(200, "")

	c.edit(func(e *Editor) error { return e.ChangeClientSecret("viewer") })
	c.as("viewer").list().is(200, "")
}

func TestNumUses(t *testing.T) {
	c := newTester(t, Config{Token: store.TokenConfig{NumUses: 2}}, "admin")
	c.list().is(200, "")
	c.list().is(200, "")
	c.list().is(401, "UnauthorizedError")
	c.as("admin").list().is(200, "")
	c.edit(func(e *Editor) error { return e.SetToken("admin", store.TokenConfig{TTL: time.Minute}) })
	require.Equal(t, 60.0, c.login("admin").body["expiresIn"])
}

func TestLockout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTester(t, Config{}, "admin")
		wrong := func() reply {
			return c.do("POST", "/api/v1/auth/universal-auth/login", object{"clientId": c.s.Credentials("admin").ClientID, "clientSecret": "wrong"})
		}
		wrong().is(401, "UnauthorizedError")
		wrong().is(401, "UnauthorizedError")
		time.Sleep(31 * time.Second) // forgotten
		wrong().is(401, "UnauthorizedError")
		wrong().is(401, "UnauthorizedError")
		c.login("admin").is(200, "")
		for range 3 {
			wrong().is(401, "UnauthorizedError")
		}
		c.login("admin").is(401, "UnauthorizedError")
		time.Sleep(5*time.Minute + time.Second)
		c.login("admin").is(200, "")
	})
}

func TestErrorsOfCurrent(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	r := (&tester{t: t, s: c.s}).list().is(401, "UnauthorizedError")
	require.Regexp(t, `^req-`, r.body["reqId"])

	r = c.do("POST", "/api/v1/auth/universal-auth/login", object{"clientId": "x"}).is(422, "ValidationFailure")
	require.Equal(t, "clientSecret", r.objects("message")[0]["path"].([]any)[0])

	r = c.do("GET", "/api/v9/nothing", nil).is(404, "Not Found")
	require.NotContains(t, r.body, "reqId")
	require.Equal(t, "Route GET:/api/v9/nothing not found", r.body["message"])
}

func TestCredentialsHideTheSecret(t *testing.T) {
	s, err := New(Config{})
	require.NoError(t, err)
	cr := s.Credentials("admin")
	require.Len(t, cr.ClientSecret, 64)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(verb, cr), cr.ClientSecret)
	}
	require.Zero(t, s.Credentials("nobody"))
}
