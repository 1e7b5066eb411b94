package devserver

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/store"
)

const foldersRoute = "/api/v2/folders"

func TestFolders(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	names := func(pairs ...string) []string {
		list := []string{}
		for _, f := range c.do("GET", foldersRoute+c.query(pairs...), nil).objects("folders") {
			list = append(list, f["name"].(string))
		}
		return list
	}
	made := c.do("POST", foldersRoute, c.write("name", "c", "path", "/a/b")).is(200, "").body["folder"].(object)
	require.Equal(t, []string{"payments", "a"}, names("path", "/"))
	require.Equal(t, []string{"c"}, names("path", "/a/b"))
	require.Empty(t, names("path", "/nope"), "not an error")
	c.do("GET", foldersRoute+c.query("environment", "nope"), nil).is(404, "NotFound")

	c.do("POST", foldersRoute, c.write("name", "a")).is(400, "BadRequest")
	for _, name := range []string{"a b", "a.b", "a/b", "", "..", "é"} {
		c.do("POST", foldersRoute, c.write("name", name)).is(422, "ValidationFailure")
	}
	got := c.do("GET", foldersRoute+"/"+made["id"].(string), nil).body["folder"].(object)
	require.Equal(t, "/a/b/c", got["path"])
	require.Equal(t, "dev", got["environment"].(object)["envSlug"])

	rename := func(name string) reply {
		return c.do("PATCH", foldersRoute+"/"+made["id"].(string), c.write("name", name, "path", "/a/b"))
	}
	require.Equal(t, made["id"], rename("d").is(200, "").body["folder"].(object)["id"])
	rename("a b").is(422, "ValidationFailure")
	c.do("POST", foldersRoute, c.write("name", "e", "path", "/a/b")).is(200, "")
	rename("e").is(400, "Update folder")

	c.do("DELETE", foldersRoute+"/a", c.write()).is(400, "BadRequest")
	c.do("DELETE", foldersRoute+"/e", c.write("path", "/a/b")).is(200, "")
	c.do("DELETE", foldersRoute+"/a", c.write("forceDelete", true)).is(200, "")
	c.do("DELETE", foldersRoute+"/a", c.write("forceDelete", true)).is(404, "Delete folder")
	c.as("viewer").do("POST", foldersRoute, c.write("name", "x")).is(403, "PermissionDenied")
}

func TestRecursiveFolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTester(t, Config{}, "admin")
		c.edit(func(e *Editor) error { return e.Mkdir("demo", "dev", "/payments/eu/north") })
		time.Sleep(time.Hour)
		since := call.Stamp(time.Now())
		list := func(pairs ...string) map[string]object {
			out := map[string]object{}
			for _, f := range c.do("GET", foldersRoute+c.query(append(pairs, "recursive", "true")...), nil).objects("folders") {
				out[f["relativePath"].(string)] = f
			}
			return out
		}
		all := list("path", "/")
		require.Equal(t, []string{"/payments", "/payments/eu", "/payments/eu/north"}, store.SortedKeys(all))
		require.Nil(t, all["/payments/eu"]["lastSecretModified"])
		require.Equal(t, all["/payments"]["id"], all["/payments/eu"]["parentId"])
		require.Len(t, list("path", "/payments"), 2)
		require.Contains(t, list("path", "/payments/eu"), "/payments/eu/north", "from the root, in spite of its name")

		require.Empty(t, list("lastSecretModified", since))
		c.edit(func(e *Editor) error { return e.Set("demo", "dev", "/payments/eu", "K", "v") })
		require.Equal(t, []string{"/payments/eu"}, store.SortedKeys(list("lastSecretModified", since)))
	})
}

func TestImports(t *testing.T) {
	seed := &store.Seed{Projects: []store.SeedProject{{Slug: "demo", Environments: []store.SeedEnvironment{
		{Slug: "dev", SeedContent: store.SeedContent{
			Secrets: []store.SeedSecret{{Name: "HOST", Value: "importing"}, {Name: "OWN", Value: "own"}},
			Imports: []store.SeedImport{{Env: "staging", Path: "/"}, {Env: "prod", Path: "/"}, {Env: "dev", Path: "/nope"}},
		}},
		{Slug: "staging", SeedContent: store.SeedContent{
			Secrets: []store.SeedSecret{{Name: "HOST", Value: "source"}, {Name: "URL", Value: "http://${HOST}"}, {Name: "BOTH", Value: "1"}},
		}},
		{Slug: "prod", SeedContent: store.SeedContent{
			Secrets: []store.SeedSecret{{Name: "BOTH", Value: "2"}},
			Imports: []store.SeedImport{{Env: "prod", Path: "/more"}, {Env: "dev", Path: "/"}},
			Folders: []store.SeedFolder{{Name: "more", SeedContent: store.SeedContent{Secrets: []store.SeedSecret{{Name: "CHAINED", Value: "c"}, {Name: "BOTH", Value: "3"}}}}},
		}},
	}}}}
	c := newTester(t, Config{Seed: seed}, "admin")

	imports := c.list().objects("imports")
	require.Len(t, imports, 2, "a source that does not exist is left out")
	require.Equal(t, "staging", imports[0]["environment"])
	first := valuesOf(c.imported(imports[0]))
	require.Equal(t, "http://importing", first["URL"], "v4 looks in the importing folder first")
	second := valuesOf(c.imported(imports[1]))
	require.Equal(t, "2", second["BOTH"], "the source's own secret goes before what it imports")
	require.Equal(t, "c", second["CHAINED"])
	require.NotContains(t, c.imported(imports[0])[0], "createdAt")

	got := c.get("BOTH").secret()
	require.Equal(t, "2", got["secretValue"], "the last import wins")
	require.Equal(t, "prod", got["environment"])
	require.Equal(t, "importing", c.get("HOST").secret()["secretValue"], "own secrets win")
	c.get("BOTH", "includeImports", "false").is(404, "NotFound")
	c.do("PATCH", "/api/v4/secrets/BOTH", c.write("secretValue", "x")).is(404, "NotFound")

	v3 := c.do("GET", "/api/v3/secrets/raw?include_imports=true&expandSecretReferences=true&environment=dev&workspaceId="+c.project(), nil)
	require.Equal(t, "http://source", valuesOf(c.imported(v3.objects("imports")[0]))["URL"], "v3 looks in the source")
}

func (c *tester) imported(entry object) []object {
	var out []object
	for _, s := range entry["secrets"].([]any) {
		out = append(out, s.(object))
	}
	return out
}

func TestImportRoutes(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	const route = "/api/v2/secret-imports"
	add := func(env, path string) string {
		r := c.do("POST", route, c.write("path", "/", "import", object{"environment": env, "path": path})).is(200, "")
		return r.body["secretImport"].(object)["id"].(string)
	}
	paths := func() []string {
		var list []string
		for i, im := range c.do("GET", route+c.query("path", "/"), nil).objects("secretImports") {
			require.Equal(t, float64(i+1), im["position"])
			list = append(list, im["importPath"].(string))
		}
		return list
	}
	one := add("dev", "/payments")
	add("staging", "/")
	require.Equal(t, []string{"/payments", "/"}, paths())
	c.do("PATCH", route+"/"+one, c.write("path", "/", "import", object{"position": 2})).is(200, "")
	require.Equal(t, []string{"/", "/payments"}, paths())
	c.do("DELETE", route+"/"+one, c.write("path", "/")).is(200, "")
	require.Equal(t, []string{"/"}, paths())
	c.do("DELETE", route+"/"+one, c.write("path", "/")).is(404, "NotFound")
	c.do("GET", route+c.query("path", "/nope"), nil).is(404, "SecretPathNotFound")
	c.as("viewer").do("POST", route, c.write("path", "/", "import", object{"environment": "dev", "path": "/"})).is(403, "PermissionDenied")
}
