package devserver

import (
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver/internal/store"
)

func TestReferencesOfCurrent(t *testing.T) {
	c := newTester(t, Config{Seed: small(store.SeedContent{
		Secrets: []store.SeedSecret{
			{Name: "A", Value: "${B}"}, {Name: "B", Value: "${A}"}, {Name: "SELF", Value: "x${SELF}"},
			{Name: "VENDOR", Value: "acme"}, {Name: "NESTED", Value: "<${dev.${VENDOR}.KEY}>"}, {Name: "NESTED_NONE", Value: "<${dev.${NONE}.KEY}>"},
			{Name: "ODD", Value: "${a b} ${} ${ ${VENDOR"},
			{Name: "CHAIN", Value: "${C1}"}, {Name: "C1", Value: "${C2}"}, {Name: "C2", Value: "${dev.acme.KEY}"},
		},
		Folders: []store.SeedFolder{{Name: "acme", SeedContent: store.SeedContent{Secrets: []store.SeedSecret{{Name: "KEY", Value: "k"}}}}},
	})}, "viewer")
	got := c.list().values()
	require.Equal(t, "${B}", got["A"], "a circle ends where it would begin again")
	require.Equal(t, "xx${SELF}", got["SELF"])
	require.Equal(t, "<k>", got["NESTED"], "the inner one goes first")
	require.Equal(t, "<${dev.${NONE}.KEY}>", got["NESTED_NONE"])
	require.Equal(t, "${a b} ${} ${ ${VENDOR", got["ODD"])
	require.Equal(t, "k", got["CHAIN"])
	for key, value := range got {
		require.Equal(t, value, c.get(key).secret()["secretValue"], key)
	}
}

func TestVersionsAreFoundByTheNameOfThen(t *testing.T) {
	for _, p := range []Profile{Current, CurrentGo} {
		c := newTester(t, Config{Profile: p}, "admin")
		id := c.get("GREETING").secret()["id"]
		c.do("PATCH", "/api/v4/secrets/GREETING", c.write("newSecretName", "HELLO")).secret()
		old := c.get("GREETING", "version", "1").secret()
		require.Equal(t, id, old["id"])
		require.Equal(t, "GREETING", old["secretKey"])
		c.get("HELLO", "version", "1").is(404, "NotFound")
		require.Equal(t, "hello, world", c.get("HELLO", "version", "2").secret()["secretValue"])
		c.get("GREETING", "version", "2").is(404, "NotFound")
	}
}

func TestPersonalIsForUsers(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	for _, method := range []string{"POST", "PATCH", "DELETE"} {
		r := c.do(method, "/api/v4/secrets/GREETING", c.write("secretValue", "x", "type", "personal")).is(400, "BadRequest")
		require.Contains(t, r.body["message"], "Must be user to ")
	}
}

func TestTagFilter(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	c.edit(func(e *Editor) error { return e.Tag("demo", "dev", "/", "DB_USER", "user") })
	require.Len(t, c.list("tagSlugs", "database,user").values(), 2, "either will do")
	require.Len(t, c.list("tagSlugs", "database").values(), 1)
}

func TestMoveRewritesReferences(t *testing.T) {
	c := newTester(t, Config{Seed: small(store.SeedContent{
		Secrets: []store.SeedSecret{{Name: "URL", Value: "${USER}@${HOST}"}, {Name: "USER", Value: "u"}, {Name: "HOST", Value: "h"}, {Name: "USES", Value: "<${URL}>"}},
		Folders: []store.SeedFolder{{Name: "app", SeedContent: store.SeedContent{Secrets: []store.SeedSecret{
			{Name: "HOST", Value: "of app"}, {Name: "USES", Value: "<${dev.URL}>"}, {Name: "SAME", Value: "same"},
		}}}},
	})}, "admin")
	c.edit(func(e *Editor) error { return e.Set("demo", "prod", "/", "USES", "<${dev.URL}>") })
	move := func(names ...string) reply {
		var ids []any
		for _, name := range names {
			ids = append(ids, c.get(name).secret()["id"])
		}
		return c.do("POST", "/api/v4/secrets/move", object{
			"projectId": c.project(), "sourceEnvironment": "dev", "sourceSecretPath": "/",
			"destinationEnvironment": "dev", "destinationSecretPath": "/app", "secretIds": ids,
		})
	}
	require.Equal(t, true, move("URL").is(200, "").body["isDestinationUpdated"])
	text := func(env, path, name string) string {
		s, _ := c.s.Lookup("demo", env, path, name)
		return s.Value
	}
	require.Equal(t, "${dev.USER}@${HOST}", text("dev", "/app", "URL"), "to the folder that was left, or to what the new one has")
	require.Equal(t, "<${dev.app.URL}>", text("dev", "/", "USES"))
	require.Equal(t, "<${URL}>", text("dev", "/app", "USES"))
	require.Equal(t, "<${dev.app.URL}>", text("prod", "/", "USES"))
	s, _ := c.s.Lookup("demo", "prod", "/", "USES")
	require.Equal(t, 2, s.Version)
	require.Equal(t, "<u@of app>", c.get("USES").secret()["secretValue"])

	c.edit(func(e *Editor) error { return e.Set("demo", "dev", "/", "SAME", "same") })
	move("SAME").is(400, "BadRequest")
	require.Equal(t, "same", text("dev", "/", "SAME"), "nothing was left to do")
	require.Equal(t, true, move("SAME", "USER").is(200, "").body["isSourceUpdated"])
	require.Empty(t, text("dev", "/", "SAME"))
	s, _ = c.s.Lookup("demo", "dev", "/app", "SAME")
	require.Equal(t, 1, s.Version, "left alone")
}
