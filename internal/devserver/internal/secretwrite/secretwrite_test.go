package secretwrite

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// demo is a call for a project demo with that content in dev, by an identity.
func demo(t *testing.T, p web.Profile, identity, method, pattern string, content store.SeedContent) *call.Call {
	st, err := store.New(&store.Seed{Projects: []store.SeedProject{{Slug: "demo", Environments: []store.SeedEnvironment{{Slug: "dev", SeedContent: content}}}}}, time.Now())
	require.NoError(t, err)
	rt := call.On(method, pattern, web.SecretClass, call.Members, nil)
	c := &call.Call{Profile: p, State: st, Route: &rt, Now: time.Now(), Params: map[string]string{}}
	c.Who.Identity = st.IdentityNamed(identity)
	return c
}

type object = map[string]any

// A write that is refused changes nothing, a batch in part as little.
func TestWritesDoAllOrNothing(t *testing.T) {
	content := store.SeedContent{
		Secrets: []store.SeedSecret{{Name: "A", Value: "a"}, {Name: "B", Value: "<${A}>"}},
		Folders: []store.SeedFolder{{Name: "deep"}},
	}
	for _, row := range []struct {
		name     string
		identity string
		handle   func(*call.Call) (any, error)
		param    string
		body     object
		refusal  string // empty: done
		want     map[string]string
	}{
		{"create", "admin", Create, "C", object{"secretValue": " c "}, "", map[string]string{"A": "a", "B": "<${A}>", "C": "c"}},
		{"no right", "viewer", Create, "C", object{"secretValue": "c"}, "403 PermissionDenied", nil},
		{"exists", "admin", Create, "A", object{"secretValue": "c"}, "400 BadRequest: Secret already exists", nil},
		{"no name", "admin", Create, "a/b", object{"secretValue": "c"}, "422 ValidationFailure", nil},
		{"update", "admin", Update, "A", object{"secretValue": "z"}, "", map[string]string{"A": "z", "B": "<${A}>"}},
		{"rename", "admin", Update, "A", object{"newSecretName": "Z"}, "", map[string]string{"Z": "a", "B": "<${Z}>"}},
		{"missing", "admin", Update, "C", object{"secretValue": "z"}, "404 NotFound", nil},
		{"delete", "admin", Delete, "A", object{}, "", map[string]string{"B": "<${A}>"}},
		{"batch", "admin", CreateBatch, "", object{"secrets": []object{{"secretKey": "C", "secretValue": "1"}, {"secretKey": "C", "secretValue": "2"}}}, "", map[string]string{"A": "a", "B": "<${A}>", "C": "2"}},
		{"batch in part", "admin", CreateBatch, "", object{"secrets": []object{{"secretKey": "C", "secretValue": "1"}, {"secretKey": "A", "secretValue": "2"}}}, "400 BadRequest: Secret already exists: A", nil},
		{"updates in part", "admin", UpdateBatch, "", object{"secrets": []object{{"secretKey": "A", "secretValue": "1"}, {"secretKey": "C", "secretValue": "2"}}}, "404 NotFound: Secret does not exist: C", nil},
		{"upsert", "admin", UpdateBatch, "", object{"mode": "upsert", "secrets": []object{{"secretKey": "A", "secretValue": "1"}, {"secretKey": "C", "secretValue": "2"}}}, "", map[string]string{"A": "1", "B": "<${A}>", "C": "2"}},
		{"deletes in part", "admin", DeleteBatch, "", object{"secrets": []object{{"secretKey": "A"}, {"secretKey": "C"}}}, "404 NotFound: One or more secrets does not exist: C", nil},
	} {
		c := demo(t, web.Current, row.identity, "POST", "/api/v4/secrets/:secretName", content)
		c.Params["secretName"] = row.param
		row.body["projectId"], row.body["environment"] = c.State.ProjectBySlug("demo").ID, "dev"
		c.Request = httptest.NewRequest("POST", "/", http.NoBody)
		c.Request.Header.Set("Content-Type", "application/json")
		raw, err := json.Marshal(row.body)
		require.NoError(t, err)
		require.Nil(t, c.Parse(raw))
		_, err = row.handle(c)
		want := row.want
		if row.refusal != "" {
			require.ErrorContains(t, err, row.refusal, row.name)
			want = map[string]string{"A": "a", "B": "<${A}>"}
		} else {
			require.NoError(t, err, row.name)
		}
		require.Equal(t, row.refusal == "", c.Changed, row.name)
		got := map[string]string{}
		for _, x := range c.State.Folder("demo", "dev", "/").Secrets {
			got[x.Key] = x.Value
		}
		require.Equal(t, want, got, row.name)
	}
}
