package devserver

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver/internal/shape"
	"infisicalfs/internal/devserver/internal/store"
)

func TestProjects(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	c.edit(func(e *Editor) error { return e.AddProject("second", "Second", "dev") })
	for _, path := range []string{"/api/v1/projects", "/api/v1/workspace"} {
		key := path[strings.LastIndex(path, "/")+1:]
		if key == "workspace" {
			key = "workspaces"
		}
		projects := c.do("GET", path, nil).objects(key)
		require.Len(t, projects, 1, "not a member of the second")
		require.Equal(t, "demo", projects[0]["slug"])
		require.Len(t, projects[0]["environments"], 3)
		require.Len(t, c.as("user").do("GET", path, nil).objects(key), 2)
		require.Empty(t, c.as("no-access").do("GET", path, nil).objects(key))
	}
	require.Equal(t, "demo", c.do("GET", "/api/v1/projects/"+c.project(), nil).body["project"].(object)["slug"])
	require.Equal(t, c.project(), c.do("GET", "/api/v1/projects/slug/demo", nil).body["id"])
	c.do("GET", "/api/v1/projects/"+c.project("second"), nil).is(403, "ForbiddenError")
	c.do("GET", "/api/v1/projects/slug/none", nil).is(404, "NotFound")
	c.edit(func(e *Editor) error { return e.Grant("admin", "second", "viewer") })
	c.do("GET", "/api/v1/projects/slug/second", nil).is(200, "")
}

func TestCreateProject(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	r := c.do("POST", "/api/v1/projects", object{"projectName": "Third", "slug": "third"}).is(200, "")
	id := r.body["project"].(object)["id"].(string)
	c.do("POST", "/api/v1/projects/"+id+"/environments", object{"name": "QA", "slug": "qa"}).is(200, "")
	require.Len(t, c.do("GET", "/api/v1/projects/slug/third", nil).body["environments"], 4)
	c.do("POST", "/api/v1/projects", object{"projectName": "Third", "slug": "third"}).is(400, "BadRequest")
	c.as("no-access").do("POST", "/api/v1/projects", object{"projectName": "Fourth", "slug": "fourth"}).is(403, "PermissionDenied")
}

func TestListDefaults(t *testing.T) {
	c := newTester(t, Config{}, "viewer")
	r := c.list()
	require.Equal(t, "hello, world", r.values()["GREETING"])
	require.Equal(t, "postgres://demo:not-a-real-password@db.example.invalid/demo", r.values()["DATABASE_URL"], "v4 expands")
	require.Empty(t, r.objects("imports"), "v4 asks for imports")
	require.True(t, strings.HasSuffix(r.values()["TLS_CERT"], "\n"))

	v3 := c.do("GET", "/api/v3/secrets/raw?environment=dev&workspaceId="+c.project(), nil)
	require.Contains(t, v3.values()["DATABASE_URL"], "${DB_USER}", "v3 does not")
	require.NotContains(t, v3.body, "imports")

	for _, name := range []string{"includeImports", "include_imports"} {
		require.NotContains(t, c.list(name, "false").body, "imports", name)
	}
	c.list("recursive", "yes").is(422, "ValidationFailure")
	c.do("GET", "/api/v4/secrets?environment=dev", nil).is(400, "BadRequest")
}

func TestSecretFields(t *testing.T) {
	c := newTester(t, Config{}, "viewer")
	c.edit(func(e *Editor) error {
		return e.Metadata("demo", "dev", "/", "GREETING", map[string]string{"owner": "team"})
	})
	s := c.get("GREETING").secret()
	require.Equal(t, s["id"], s["_id"])
	require.Equal(t, c.project(), s["workspace"])
	require.Equal(t, "/", s["secretPath"])
	require.Equal(t, false, s["secretValueHidden"])
	require.Equal(t, false, s["isRotatedSecret"])
	require.Equal(t, 2.0, s["version"])
	require.Equal(t, []any{object{"key": "owner", "value": "team"}}, s["secretMetadata"])
	require.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`, s["updatedAt"])
	require.Len(t, c.list("metadataFilter", "key=owner,value=team").values(), 1)
	tags := c.get("DB_PASSWORD").secret()["tags"].([]any)
	require.Equal(t, "database", tags[0].(object)["slug"])

	require.Equal(t, "GREETING", c.do("GET", "/api/v4/secrets/id/"+s["id"].(string), nil).secret()["secretKey"])
}

func TestRecursiveList(t *testing.T) {
	c := newTester(t, Config{}, "viewer")
	where := map[string]string{}
	for _, s := range c.list("recursive", "true").objects("secrets") {
		where[s["secretKey"].(string)] = s["secretPath"].(string)
	}
	require.Equal(t, "/", where["GREETING"])
	require.Equal(t, "/payments", where["STRIPE_KEY"])
	require.Len(t, c.list("recursive", "true", "secretPath", "/payments").values(), 2)
}

func TestMissingPlaces(t *testing.T) {
	c := newTester(t, Config{}, "viewer")
	c.list("secretPath", "/nope").is(404, "SecretPathNotFound")
	c.list("environment", "nope").is(404, "SecretPathNotFound")
	c.get("GREETING", "secretPath", "/nope").is(404, "SecretPathNotFound")
	c.get("NOPE").is(404, "NotFound")
	c.list("projectId", "no-such-project").is(404, "NotFound")
	c.as("no-access").list().is(403, "ForbiddenError")
}

func TestHiddenValues(t *testing.T) {
	c := newTester(t, Config{Seed: small(store.SeedContent{
		Secrets: []store.SeedSecret{{Name: "OPEN", Value: "open"}, {Name: "CLOSED", Value: "closed"}},
		Folders: []store.SeedFolder{{Name: "deep", SeedContent: store.SeedContent{Secrets: []store.SeedSecret{{Name: "REF", Value: "<${dev.CLOSED}>"}}}}},
	})}, "viewer")
	c.edit(func(e *Editor) error { return e.Hide("viewer", "demo", "dev", "/", "CLOSED") })

	c.list().is(403, "PermissionDenied")
	require.Equal(t, map[string]string{"OPEN": shape.HiddenValue, "CLOSED": shape.HiddenValue}, c.list("viewSecretValue", "false").values())
	for _, s := range c.list("viewSecretValue", "false").objects("secrets") {
		require.Equal(t, true, s["secretValueHidden"])
	}
	c.list("recursive", "true", "expandSecretReferences", "false").is(403, "PermissionDenied")
	c.get("CLOSED").is(403, "PermissionDenied")
	require.Equal(t, true, c.get("CLOSED", "viewSecretValue", "false").secret()["secretValueHidden"])
	require.Equal(t, "open", c.get("OPEN").secret()["secretValue"])

	r := c.list("secretPath", "/deep").is(403, "ForbiddenError")
	require.Equal(t, "Failed to expand one or more secret references", r.body["message"])
	require.Len(t, r.body["details"], 1)
	c.list("secretPath", "/deep", "expandSecretReferences", "false").is(200, "")
	c.edit(func(e *Editor) error {
		return errors.Join(e.Allow("viewer"), e.Hide("viewer", "demo", "dev", "/deep", "REF"))
	})
	require.Equal(t, map[string]string{"OPEN": "open", "CLOSED": "closed"}, c.list("recursive", "true").values(), "further down it is left out")

	require.Equal(t, "closed", c.as("admin").list().values()["CLOSED"])
	c.edit(func(e *Editor) error { return e.Allow("viewer") })
	c.list().is(200, "")
}

func TestDeniedPath(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	c.edit(func(e *Editor) error { return e.Deny("admin", "demo", "dev", "/payments") })
	require.Empty(t, c.list("secretPath", "/payments").is(200, "").objects("secrets"), "it looks empty")
	c.get("STRIPE_KEY", "secretPath", "/payments").is(403, "PermissionDenied")
	c.get("NOPE", "secretPath", "/payments").is(403, "PermissionDenied")
	require.NotContains(t, c.list("recursive", "true").values(), "STRIPE_KEY")
	require.Len(t, c.do("GET", "/api/v2/folders"+c.query("path", "/"), nil).objects("folders"), 1, "names of folders stay visible")
	c.do("POST", "/api/v4/secrets/X", c.write("secretPath", "/payments", "secretValue", "v")).is(403, "PermissionDenied")
	require.Empty(t, c.list("environment", "staging").objects("imports"), "left out without a word")
}

func TestPersonalOverrides(t *testing.T) {
	mine := "mine"
	seed := small(store.SeedContent{Secrets: []store.SeedSecret{{Name: "A", Value: "shared", Personal: &mine}, {Name: "B", Value: "b"}}})
	c := newTester(t, Config{Seed: seed}, "admin")
	user := c.as("user")
	require.Equal(t, map[string]string{"A": "shared", "B": "b"}, c.list("includePersonalOverrides", "true").values())
	require.Equal(t, map[string]string{"A": "shared", "B": "b"}, user.list().values())
	require.Equal(t, map[string]string{"A": "mine", "B": "b"}, user.list("includePersonalOverrides", "true").values())
	both := user.do("GET", "/api/v3/secrets/raw?environment=dev&workspaceId="+c.project(), nil).objects("secrets")
	require.Len(t, both, 3, "v3 lists both")
	require.Equal(t, "personal", user.get("A", "type", "personal").secret()["type"])
	c.get("A", "type", "personal").is(404, "NotFound")
}

func TestVersions(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	c.edit(func(e *Editor) error { return e.Set("demo", "dev", "/", "GREETING", "second") })
	require.Equal(t, "hello, world", c.get("GREETING", "version", "1").secret()["secretValue"])
	require.Equal(t, 1.0, c.get("GREETING", "version", "1").secret()["version"])
	require.Equal(t, "second", c.get("GREETING", "version", "2").secret()["secretValue"])
	c.get("GREETING", "version", "3").is(404, "NotFound")

	id := c.get("GREETING").secret()["id"].(string)
	path := "/api/v1/secret/" + id + "/secret-versions?offset=0&limit=20"
	require.Len(t, c.as("user").do("GET", path, nil).objects("secretVersions"), 2)
	c.do("GET", path, nil).is(403, "")
}

func TestETag(t *testing.T) {
	for _, p := range []Profile{Current, Y2024} {
		c := newTester(t, Config{Profile: p}, "admin")
		target := "/api/v3/secrets/raw?environment=dev&workspaceId=" + c.project()
		first := c.do("GET", target, nil)
		etag := first.header.Get("Etag")
		require.Regexp(t, `^"[A-Za-z0-9+/]{27}="$`, etag)

		conditional := func(tag string) reply {
			req := c.request("GET", target, nil)
			req.Header.Set("If-None-Match", tag)
			return c.send(req)
		}
		require.Equal(t, 304, conditional(etag).status)
		require.Empty(t, conditional(etag).text)
		require.Equal(t, 200, conditional("W/"+etag).status, "compared as a string")
		c.edit(func(e *Editor) error { return e.Set("demo", "dev", "/", "NEW", "x") })
		require.Equal(t, 200, conditional(etag).status)
	}
}
