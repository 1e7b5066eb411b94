package devserver

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver/internal/store"
)

// object is a decoded JSON object.
type object = map[string]any

// tester asks a server as one identity, in memory.
type tester struct {
	t     *testing.T
	s     *Server
	token string
}

// reply is an answer, decoded.
type reply struct {
	t      *testing.T
	status int
	header http.Header
	text   string
	body   object // nil if the body is no object
}

func newTester(t *testing.T, cfg Config, identity string) *tester {
	t.Helper()
	s, err := New(cfg)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return (&tester{t: t, s: s}).as(identity)
}

// as logs in as another identity, or as the user.
func (c *tester) as(identity string) *tester {
	c.t.Helper()
	if identity == "user" {
		return &tester{c.t, c.s, c.s.UserToken()}
	}
	r := c.login(identity)
	r.is(200, "")
	return &tester{c.t, c.s, r.body["accessToken"].(string)}
}

func (c *tester) login(identity string) reply {
	c.t.Helper()
	cr := c.s.Credentials(identity)
	return c.do("POST", "/api/v1/auth/universal-auth/login", object{"clientId": cr.ClientID, "clientSecret": cr.ClientSecret})
}

// project is the id of the project demo, or of the one named.
func (c *tester) project(slug ...string) string {
	name := append(slug, "demo")[0]
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.state.ProjectBySlug(name).ID
}

func (c *tester) request(method, target string, body any) *http.Request {
	c.t.Helper()
	var text []byte
	if body != nil {
		text = mustJSON(body)
	}
	req, err := http.NewRequest(method, "http://devserver.invalid"+target, bytes.NewReader(text))
	require.NoError(c.t, err)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return req
}

func (c *tester) do(method, target string, body any) reply {
	c.t.Helper()
	return c.send(c.request(method, target, body))
}

func (c *tester) send(req *http.Request) reply {
	c.t.Helper()
	resp, err := (&http.Client{Transport: Transport(c.s)}).Do(req)
	require.NoError(c.t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	r := reply{t: c.t, status: resp.StatusCode, header: resp.Header, text: string(data)}
	json.Unmarshal(data, &r.body) // not every answer is an object
	return r
}

func (c *tester) edit(f func(*Editor) error) {
	c.t.Helper()
	require.NoError(c.t, c.s.Edit(f))
}

// query makes a query of pairs, with the project and environment dev in front.
func (c *tester) query(pairs ...string) string {
	q := url.Values{"projectId": {c.project()}, "environment": {"dev"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return "?" + q.Encode()
}

// write makes a body of pairs, with the project and environment dev in front.
func (c *tester) write(pairs ...any) object {
	o := object{"projectId": c.project(), "environment": "dev"}
	for i := 0; i+1 < len(pairs); i += 2 {
		o[pairs[i].(string)] = pairs[i+1]
	}
	return o
}

func (c *tester) list(pairs ...string) reply {
	c.t.Helper()
	return c.do("GET", "/api/v4/secrets"+c.query(pairs...), nil)
}

func (c *tester) get(name string, pairs ...string) reply {
	c.t.Helper()
	return c.do("GET", "/api/v4/secrets/"+url.PathEscape(name)+c.query(pairs...), nil)
}

// is checks the status and, for an error, its name.
func (r reply) is(status int, name string) reply {
	r.t.Helper()
	require.Equal(r.t, status, r.status, r.text)
	if name != "" {
		require.Equal(r.t, name, r.body["error"], r.text)
	}
	return r
}

// objects is a list of objects in the body.
func (r reply) objects(key string) []object {
	r.t.Helper()
	list, ok := r.body[key].([]any)
	require.True(r.t, ok, "no list %s in %s", key, r.text)
	out := []object{}
	for _, v := range list {
		out = append(out, v.(object))
	}
	return out
}

// values is the secrets of a list by name.
func (r reply) values() map[string]string {
	r.t.Helper()
	return valuesOf(r.objects("secrets"))
}

func valuesOf(secrets []object) map[string]string {
	out := map[string]string{}
	for _, s := range secrets {
		out[s["secretKey"].(string)] = s["secretValue"].(string)
	}
	return out
}

func (r reply) secret() object {
	r.t.Helper()
	r.is(200, "")
	s, ok := r.body["secret"].(object)
	require.True(r.t, ok, "no secret in %s", r.text)
	return s
}

// small is a seed of one project, demo, with the content in dev and two other
// environments.
func small(content store.SeedContent) *store.Seed {
	return &store.Seed{Projects: []store.SeedProject{{Slug: "demo", Environments: []store.SeedEnvironment{
		{Slug: "dev", SeedContent: content}, {Slug: "staging"}, {Slug: "prod"},
	}}}}
}
