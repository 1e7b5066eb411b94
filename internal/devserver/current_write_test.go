package devserver

import (
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver/internal/store"
)

func TestCreateUpdateRenameDelete(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	made := c.do("POST", "/api/v4/secrets/NEW", c.write("secretValue", "  one\n\n")).secret()
	require.Equal(t, "one\n", made["secretValue"], "trimmed, one newline kept")
	c.do("POST", "/api/v4/secrets/NEW", c.write("secretValue", "x")).is(400, "BadRequest")

	r := c.do("PATCH", "/api/v4/secrets/NEW", c.write("secretComment", "why")).secret()
	require.Equal(t, "", r["secretValue"], "the answer repeats what was sent")
	require.Equal(t, 2.0, r["version"])
	require.Equal(t, "one\n", c.get("NEW").secret()["secretValue"])

	c.do("PATCH", "/api/v4/secrets/NEW", c.write("secretValue", "")).is(200, "")
	require.Equal(t, "", c.get("NEW").secret()["secretValue"])

	c.do("PATCH", "/api/v4/secrets/NEW", c.write("newSecretName", "GREETING")).is(400, "BadRequest")
	r = c.do("PATCH", "/api/v4/secrets/NEW", c.write("newSecretName", "RENAMED")).secret()
	require.Equal(t, made["id"], r["id"])
	require.Equal(t, "RENAMED", r["secretKey"])
	c.get("NEW").is(404, "NotFound")

	require.Equal(t, "RENAMED", c.do("DELETE", "/api/v4/secrets/RENAMED", c.write()).secret()["secretKey"])
	c.do("DELETE", "/api/v4/secrets/RENAMED", c.write()).is(404, "NotFound")
	c.do("DELETE", "/api/v4/secrets/GREETING", nil).is(422, "ValidationFailure")
	c.do("PATCH", "/api/v4/secrets/NOPE", c.write("secretValue", "x")).is(404, "NotFound")
}

func TestWritesThatAreRefused(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	for _, name := range []string{"a:b", "a%2Fb"} {
		c.do("POST", "/api/v4/secrets/"+name, c.write("secretValue", "x")).is(422, "ValidationFailure")
		c.do("PATCH", "/api/v4/secrets/GREETING", c.write("newSecretName", "a:b")).is(422, "ValidationFailure")
	}
	c.do("POST", "/api/v4/secrets/X", c.write("secretPath", "/nope", "secretValue", "x")).is(404, "CreateSecret")
	c.do("POST", "/api/v4/secrets/X", c.write()).is(422, "ValidationFailure")
	c.do("POST", "/api/v4/secrets/X", c.write("secretValue", "x", "type", "personal")).is(400, "BadRequest")
	viewer := c.as("viewer")
	viewer.do("POST", "/api/v4/secrets/X", c.write("secretValue", "x")).is(403, "PermissionDenied")
	viewer.do("PATCH", "/api/v4/secrets/GREETING", c.write("secretValue", "x")).is(403, "PermissionDenied")
	viewer.do("DELETE", "/api/v4/secrets/GREETING", c.write()).is(403, "PermissionDenied")

	c.edit(func(e *Editor) error { return e.Rotate("demo", "dev", "/", "GREETING", true) })
	require.Equal(t, true, c.get("GREETING").secret()["isRotatedSecret"])
	c.do("PATCH", "/api/v4/secrets/GREETING", c.write("secretValue", "x")).is(400, "BadRequest")
	c.do("PATCH", "/api/v4/secrets/GREETING", c.write("newSecretName", "X")).is(400, "BadRequest")
	c.do("PATCH", "/api/v4/secrets/GREETING", c.write("secretComment", "may change")).is(200, "")
	c.do("DELETE", "/api/v4/secrets/GREETING", c.write()).is(400, "BadRequest")
}

func TestRenameFollowsReferences(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	c.do("PATCH", "/api/v4/secrets/DB_HOST", c.write("newSecretName", "HOST")).is(200, "")
	raw := c.list("recursive", "true", "expandSecretReferences", "false").values()
	require.Equal(t, "postgres://${DB_USER}:${DB_PASSWORD}@${HOST}/demo", raw["DATABASE_URL"])
	require.Equal(t, "https://${dev.HOST}/hook", raw["WEBHOOK_URL"])
}

func TestPersonalWrites(t *testing.T) {
	c := newTester(t, Config{}, "user")
	c.do("POST", "/api/v4/secrets/NONE", c.write("secretValue", "x", "type", "personal")).is(400, "BadRequest")
	c.do("POST", "/api/v4/secrets/GREETING", c.write("secretValue", "mine", "type", "personal")).is(200, "")
	c.do("PATCH", "/api/v4/secrets/GREETING", c.write("secretValue", "mine 2", "type", "personal")).is(200, "")
	c.do("PATCH", "/api/v4/secrets/GREETING", c.write("newSecretName", "X", "type", "personal")).is(400, "BadRequest")
	require.Equal(t, "mine 2", c.list("includePersonalOverrides", "true").values()["GREETING"])
	c.do("DELETE", "/api/v4/secrets/GREETING", c.write("type", "personal")).is(200, "")
	require.Equal(t, "hello, world", c.list("includePersonalOverrides", "true").values()["GREETING"])

	c.do("POST", "/api/v4/secrets/GREETING", c.write("secretValue", "mine", "type", "personal")).is(200, "")
	c.as("admin").do("DELETE", "/api/v4/secrets/GREETING", c.write()).is(200, "")
	require.NotContains(t, c.list("includePersonalOverrides", "true").values(), "GREETING", "went with the shared one")
}

func TestBatches(t *testing.T) {
	c := newTester(t, Config{Seed: small(store.SeedContent{Folders: []store.SeedFolder{{Name: "sub"}}})}, "admin")
	entries := func(pairs ...string) []object {
		var list []object
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, object{"secretKey": pairs[i], "secretValue": pairs[i+1]})
		}
		return list
	}
	batch := func(method string, secrets []object, more ...any) reply {
		return c.do(method, "/api/v4/secrets/batch", c.write(append([]any{"secrets", secrets}, more...)...))
	}
	require.Len(t, batch("POST", entries("A", "1", "B", "2", "A", "3")).objects("secrets"), 2)
	require.Equal(t, "3", c.list().values()["A"], "the last of a name wins")
	r := batch("POST", entries("B", "x", "C", "x")).is(400, "BadRequest")
	require.Equal(t, "Secret already exists: B", r.body["message"])

	batch("PATCH", entries("A", "4", "NOPE", "x")).is(404, "NotFound")
	require.Equal(t, "3", c.list().values()["A"], "all or nothing")
	batch("PATCH", entries("A", "4", "NOPE", "x"), "mode", "ignore").is(200, "")
	batch("PATCH", entries("A", "5", "D", "6"), "mode", "upsert").is(200, "")
	require.Equal(t, map[string]string{"A": "5", "B": "2", "D": "6"}, c.list().values())
	batch("PATCH", []object{{"secretKey": "E", "secretValue": "7", "secretPath": "/sub"}}, "mode", "upsert").is(200, "")
	require.Equal(t, "7", c.list("secretPath", "/sub").values()["E"])
	batch("PATCH", entries("A", "1"), "mode", "whatever").is(422, "ValidationFailure")

	batch("DELETE", []object{{"secretKey": "A"}, {"secretKey": "NOPE"}}).is(404, "NotFound")
	batch("DELETE", []object{{"secretKey": "A"}, {"secretKey": "B"}}).is(200, "")
	require.Equal(t, map[string]string{"D": "6"}, c.list().values())
	batch("POST", []object{}).is(422, "ValidationFailure")
}

func TestMove(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	s := c.get("GREETING").secret()
	move := func(overwrite bool, ids ...any) reply {
		return c.do("POST", "/api/v4/secrets/move", object{
			"projectId": c.project(), "sourceEnvironment": "dev", "sourceSecretPath": "/",
			"destinationEnvironment": "staging", "destinationSecretPath": "/", "secretIds": ids, "shouldOverwrite": overwrite,
		})
	}
	r := move(false, s["id"]).is(400, "BadRequest")
	require.Contains(t, r.body["message"], "GREETING")
	require.Equal(t, true, move(true, s["id"]).body["isSourceUpdated"])
	c.get("GREETING").is(404, "NotFound")
	moved := c.get("GREETING", "environment", "staging").secret()
	require.Equal(t, "hello, world", moved["secretValue"])
	require.Equal(t, 2.0, moved["version"])
}

func TestApprovals(t *testing.T) {
	c := newTester(t, Config{Approvals: true}, "user")
	for _, r := range []reply{
		c.do("POST", "/api/v4/secrets/X", c.write("secretValue", "x")),
		c.do("PATCH", "/api/v4/secrets/GREETING", c.write("secretValue", "x")),
		c.do("DELETE", "/api/v4/secrets/GREETING", c.write()),
		c.do("PATCH", "/api/v4/secrets/GREETING", c.write("newSecretName", "HELLO")),
		c.do("POST", "/api/v4/secrets/batch", c.write("secrets", []object{{"secretKey": "X", "secretValue": "x"}})),
		c.do("PATCH", "/api/v4/secrets/batch", c.write("secrets", []object{{"secretKey": "GREETING", "secretValue": "x"}})),
		c.do("DELETE", "/api/v4/secrets/batch", c.write("secrets", []object{{"secretKey": "GREETING"}})),
	} {
		r.is(200, "")
		require.Contains(t, r.body, "approval")
		require.NotContains(t, r.body, "secret")
	}
	require.Equal(t, "hello, world", c.list().values()["GREETING"])
	require.NotContains(t, c.list().values(), "X")
	require.Len(t, c.s.Approvals(), 7)
	require.Equal(t, []string{"GREETING"}, c.s.Approvals()[6].Names)
	require.Equal(t, "delete", c.s.Approvals()[6].Change)
	c.as("admin").do("POST", "/api/v4/secrets/X", c.write("secretValue", "x")).secret() // machines are exempt
	c.do("POST", "/api/v4/secrets/GREETING", c.write("secretValue", "mine", "type", "personal")).secret()
	c.edit(func(e *Editor) error { return e.SetApprovals(false) })
	c.do("PATCH", "/api/v4/secrets/GREETING", c.write("secretValue", "x")).secret()
}

// Of a move only the half waits that a policy is about.
func TestApprovalsOfAMove(t *testing.T) {
	for env, want := range map[string]struct{ leaves, arrives bool }{"dev": {false, true}, "staging": {true, false}, "prod": {true, true}} {
		c := newTester(t, Config{}, "user")
		c.edit(func(e *Editor) error { return e.SetApprovalsIn(env) })
		r := c.do("POST", "/api/v4/secrets/move", object{
			"projectId": c.project(), "sourceEnvironment": "dev", "sourceSecretPath": "/",
			"destinationEnvironment": "staging", "destinationSecretPath": "/", "secretIds": []string{c.get("DB_USER").secret()["id"].(string)},
		})
		require.Equal(t, object{"isSourceUpdated": want.leaves, "isDestinationUpdated": want.arrives}, object(r.body), env)
		_, there := c.s.Lookup("demo", "dev", "/", "DB_USER")
		_, arrived := c.s.Lookup("demo", "staging", "/", "DB_USER")
		require.Equal(t, want, struct{ leaves, arrives bool }{!there, arrived}, env)
	}
}

func TestOldRoutesOfCurrent(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	body := object{"workspaceId": c.project(), "environment": "dev", "secretPath": "/"}
	with := func(k string, v any) object {
		o := object{k: v}
		for k, v := range body {
			o[k] = v
		}
		return o
	}
	c.do("POST", "/api/v3/secrets/raw/OLD", with("secretValue", "1")).secret()
	c.do("PATCH", "/api/v3/secrets/raw/OLD", with("newSecretName", "OLDER")).secret()
	c.do("DELETE", "/api/v3/secrets/raw/OLDER", body).secret()
	bySlug := object{"projectSlug": "demo", "environment": "dev", "secretValue": "1"}
	c.do("POST", "/api/v3/secrets/raw/SLUG", bySlug).secret()
	require.Equal(t, "1", c.do("GET", "/api/v3/secrets/raw/SLUG?workspaceSlug=demo&environment=dev", nil).secret()["secretValue"])
	c.do("GET", "/api/v3/secrets/raw?environment=dev&secretPath=%2Fnope&workspaceId="+c.project(), nil).is(404, "SecretPathNotFound")
}
