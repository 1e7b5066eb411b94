package call

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// sampleCall is a call by an identity of the sample data, of a route that members may call.
func sampleCall(t *testing.T, p web.Profile, identity string) *Call {
	st, err := store.New(store.Sample(), time.Now())
	require.NoError(t, err)
	rt := On("GET", "/api/v4/secrets", web.SecretClass, Members, nil)
	c := &Call{Profile: p, State: st, Route: &rt, Request: httptest.NewRequest("GET", "/", nil), Identified: func(string) {}}
	c.Who.Identity = st.IdentityNamed(identity)
	return c
}

func TestAFixedSegmentGoesBeforeAParameter(t *testing.T) {
	var routes []Route
	for _, pattern := range []string{"/a/:name", "/a/batch", "/a/:name/b", "/a"} {
		routes = append(routes, On("GET", pattern, web.ReadClass, Members, nil))
	}
	for path, want := range map[string]string{
		"/a": "/a", "/a/": "/a", "/a/x": "/a/:name", "/a/batch": "/a/batch", "/a/x%2Fy/b": "/a/:name/b",
		"//a": "", "/a//b": "", "/": "", "/a/" + strings.Repeat("x", maxParam): "/a/:name", "/a/" + strings.Repeat("x", maxParam+1): "",
	} {
		rt, _ := Match(routes, httptest.NewRequest("GET", path, nil))
		if want == "" {
			require.Nil(t, rt, path)
			continue
		}
		require.NotNil(t, rt, path)
		require.Equal(t, want, rt.Pattern, path)
	}
	_, params := Match(routes, httptest.NewRequest("HEAD", "/a/x%2Fy/b", nil))
	require.Equal(t, map[string]string{"name": "x/y"}, params)
	rt, _ := Match(routes, httptest.NewRequest("POST", "/a", nil))
	require.Nil(t, rt)
}

func TestBodiesAsTheyAreParsed(t *testing.T) {
	for _, row := range []struct {
		kind, raw string
		want      any
		failed    bool
	}{
		{"application/json; charset=utf-8", `{"a":[1]}`, map[string]any{"a": []any{1.0}}, false},
		{"application/json", `{`, nil, true},
		{"application/x-www-form-urlencoded", "a=b&a=c", map[string]any{"a": "b"}, false},
		{"text/plain", "x", "x", false},
		{"image/png", "x", nil, true},
		{"image/png", "", nil, false},
	} {
		c := sampleCall(t, web.Current, "admin")
		c.Request.Header.Set("Content-Type", row.kind)
		failure := c.Parse([]byte(row.raw))
		require.Equal(t, row.failed, failure != nil, row.kind)
		require.Equal(t, row.want, c.body, row.kind)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	for identity, want := range map[string]struct{ member, write bool }{
		"admin": {true, true}, "viewer": {true, false}, "no-access": {false, false},
	} {
		c := sampleCall(t, web.Current, identity)
		p := c.State.ProjectBySlug("demo")
		require.Equal(t, want.member, c.Member(p, nil) == nil, identity)
		require.Equal(t, want.write, c.MayWrite("create", p, "dev", "/") == nil, identity)
	}
	c := sampleCall(t, web.Current, "admin")
	p := c.State.ProjectBySlug("demo")
	c.State.Rules = []store.Rule{
		{IdentityID: c.Who.ID(), ProjectID: p.ID, Env: "dev", Path: "/a", Deny: true},
		{IdentityID: c.Who.ID(), ProjectID: p.ID, Env: "dev", Path: "/b", Name: "X", Hide: true},
	}
	for path, denied := range map[string]bool{"/": false, "/a": true, "/a/deep": true, "/ab": false} {
		require.Equal(t, denied, c.Denied(p, "dev", path), path)
	}
	require.True(t, c.Hidden(p, "dev", "/b", "X"))
	require.False(t, c.Hidden(p, "dev", "/b", "Y"))
	require.False(t, c.Hidden(p, "prod", "/b", "X"))
}

func TestATokenIsUsedUp(t *testing.T) {
	for profile, left := range map[web.Profile]int{web.Current: 1, web.Y2024: 0} {
		c := sampleCall(t, profile, "admin")
		id, now := c.Who.Identity, time.Now()
		token := &store.Token{ID: store.NewUUID(), IdentityID: id.ID, Created: now, Renewed: now, Config: store.TokenConfig{NumUses: 1}.WithDefaults()}
		c.State.Tokens = []*store.Token{token}
		text := c.State.Sign(store.Claims{AuthTokenType: store.IdentityTokenType, IdentityID: id.ID, TokenID: token.ID, IssuedAt: now.Unix(), Expires: now.Add(time.Hour).Unix()})
		c.Request.Header.Set("Authorization", "Bearer "+text)
		require.Nil(t, c.Authenticate())
		require.True(t, c.Touched)
		require.ErrorContains(t, c.Authenticate(), "401 UnauthorizedError")
		require.True(t, token.Revoked)
		require.Len(t, c.State.Tokens, left, profile)
	}
}
