package folders

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

type object = map[string]any

// demo is a call of POST /api/v1/folders for the project demo of the sample data.
func demo(t *testing.T, p web.Profile, identity string, body object) *call.Call {
	st, err := store.New(store.Sample(), time.Now())
	require.NoError(t, err)
	rt := call.On("POST", "/api/v1/folders", web.SecretClass, call.Members, nil)
	c := &call.Call{Profile: p, State: st, Route: &rt, Params: map[string]string{}, Request: httptest.NewRequest("POST", "/", http.NoBody)}
	c.Who.Identity = st.IdentityNamed(identity)
	c.Request.Header.Set("Content-Type", "application/json")
	body["workspaceId"], body["environment"] = st.ProjectBySlug("demo").ID, "dev"
	raw, err := json.Marshal(body)
	require.NoError(t, err)
	require.Nil(t, c.Parse(raw))
	return c
}

// Which names a folder may have differs between the generations.
func TestFoldersAreMade(t *testing.T) {
	for _, row := range []struct {
		profile  web.Profile
		identity string
		path     string
		name     string
		refusal  string // empty: made
		at       string
	}{
		{web.Current, "admin", "/", "new", "", "/new"},
		{web.Current, "admin", "/a/b", "new", "", "/a/b/new"},
		{web.Current, "admin", "/", "a b", "422 ValidationFailure", ""},
		{web.Y2024, "admin", "/", "a.b", "500 Find by secret path", ""},
		{web.Current, "admin", "/", "payments", "400 BadRequest", ""},
		{web.Y2024, "admin", "/", "payments", "", "/payments"},
		{web.Current, "viewer", "/", "new", "403 PermissionDenied", ""},
		{web.Current, "no-access", "/", "new", "403 ForbiddenError", ""},
	} {
		c := demo(t, row.profile, row.identity, object{"name": row.name, "path": row.path})
		_, err := createFolder(c)
		if row.refusal != "" {
			require.ErrorContains(t, err, row.refusal, row.name)
			require.False(t, c.Changed, row.name)
			continue
		}
		require.NoError(t, err, row.name)
		require.NotNil(t, c.State.Folder("demo", "dev", row.at), row.name)
	}
}

func TestImportsHavePositions(t *testing.T) {
	positions := func(c *call.Call) (paths []string) {
		for _, im := range c.State.Folder("demo", "dev", "/").Imports {
			paths = append(paths, im.Path)
		}
		return paths
	}
	c := demo(t, web.Current, "admin", object{"path": "/", "import": object{"position": 1}})
	root := c.State.Folder("demo", "dev", "/")
	root.Imports = nil
	root.AddImport("dev", "/a", time.Now())
	second := root.AddImport("dev", "/b", time.Now())
	c.Params["id"] = second.ID
	_, err := updateImport(c)
	require.NoError(t, err)
	require.Equal(t, []string{"/b", "/a"}, positions(c))
	_, err = deleteImport(c)
	require.NoError(t, err)
	require.Equal(t, []string{"/a"}, positions(c))
	_, err = deleteImport(c)
	require.ErrorContains(t, err, "404 NotFound: Secret import not found")
}

func TestOldServersHaveTheFirstVersionOnly(t *testing.T) {
	for profile, factor := range map[web.Profile]int{web.Y2024: 1, web.July2024: 1, web.Current: 2, web.CurrentGo: 2} {
		require.Len(t, Routes(profile), 6*factor, profile)
		require.Len(t, ImportRoutes(profile), 5*factor, profile)
	}
}
