package devserver

import (
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver/internal/shape"
	"infisicalfs/internal/devserver/internal/store"
)

func goTester(t *testing.T, content store.SeedContent, identity string) *tester {
	return newTester(t, Config{Profile: CurrentGo, Seed: small(content)}, identity)
}

func TestGoBackendRefusals(t *testing.T) {
	c := newTester(t, Config{Profile: CurrentGo}, "viewer")
	r := c.list("recursive", "yes").is(400, "ValidationFailure")
	require.Equal(t, "Validation failed", r.body["message"])
	require.Equal(t, "recursive", r.objects("fieldErrors")[0]["field"])
	require.NotEmpty(t, r.objects("fieldErrors")[0]["message"])

	require.Equal(t, "Folder not found", c.list("secretPath", "/nope").is(404, "NotFound").body["message"])
	require.Equal(t, "Environment not found", c.list("environment", "nope").is(404, "NotFound").body["message"])
	require.Equal(t, "Folder not found", c.get("X", "secretPath", "/nope").is(404, "NotFound").body["message"])
	c.get("NOPE").is(404, "NotFound")
	require.Contains(t, c.as("no-access").list().is(403, "").body["message"], "not a member")

	// Everything else is the other backend's.
	c.do("GET", "/api/v2/folders"+c.query("recursive", "yes"), nil).is(422, "ValidationFailure")
	c.as("admin").do("POST", "/api/v4/secrets/X", c.write("secretPath", "/nope", "secretValue", "v")).is(404, "CreateSecret")
}

func TestGoBackendHidesInsteadOfRefusing(t *testing.T) {
	c := goTester(t, store.SeedContent{
		Secrets: []store.SeedSecret{{Name: "OPEN", Value: "open"}, {Name: "CLOSED", Value: "closed"}},
		Folders: []store.SeedFolder{{Name: "deep", SeedContent: store.SeedContent{Secrets: []store.SeedSecret{{Name: "LOCKED", Value: "x"}, {Name: "REF", Value: "<${dev.CLOSED}>"}}}}},
	}, "viewer")
	c.edit(func(e *Editor) error { return e.Hide("viewer", "demo", "dev", "/", "CLOSED") })
	c.edit(func(e *Editor) error { return e.Hide("viewer", "demo", "dev", "/deep", "LOCKED") })
	for _, s := range c.list().is(200, "").objects("secrets") {
		closed := s["secretKey"] == "CLOSED"
		require.Equal(t, closed, s["secretValueHidden"])
		require.Equal(t, closed, s["secretValue"] == shape.HiddenValue)
	}
	require.Equal(t, map[string]string{"OPEN": "open", "CLOSED": shape.HiddenValue, "REF": "<${dev.CLOSED}>"},
		c.list("recursive", "true", "expandSecretReferences", "false").values(), "further down left out")
	r := c.list("secretPath", "/deep").is(403, "ForbiddenError")
	require.Equal(t, "Permission denied for secret reference expansion", r.body["message"])
	require.NotContains(t, r.body, "details")
	c.get("CLOSED").is(403, "PermissionDenied")

	c.edit(func(e *Editor) error { return e.Deny("viewer", "demo", "dev", "/deep") })
	require.Empty(t, c.list("secretPath", "/deep").is(200, "").objects("secrets"), "what may not be seen looks empty")
	c.get("REF", "secretPath", "/deep").is(403, "PermissionDenied")
	c.get("NOPE", "secretPath", "/deep").is(404, "NotFound")
}

func TestGoBackendReferencesToNothingAreNothing(t *testing.T) {
	content := store.SeedContent{Secrets: []store.SeedSecret{
		{Name: "EMPTY", Value: ""}, {Name: "A", Value: "<${EMPTY}>"}, {Name: "B", Value: "<${NONE}>"}, {Name: "C", Value: "<${prod.x.NONE}>"},
	}}
	c := goTester(t, content, "viewer")
	got := c.list().values()
	require.Equal(t, []string{"<>", "<>", "<>"}, []string{got["A"], got["B"], got["C"]})
	v3 := c.do("GET", "/api/v3/secrets/raw?environment=dev&workspaceId="+c.project(), nil).values()
	require.Equal(t, got, v3, "v3 expands unasked")

	c = newTester(t, Config{Seed: small(content)}, "viewer")
	got = c.list().values()
	require.Equal(t, []string{"<${EMPTY}>", "<${NONE}>", "<${prod.x.NONE}>"}, []string{got["A"], got["B"], got["C"]}, "the other backend leaves the text")
}

// chain is dev:/ importing /a, which imports /b, which imports /c, which imports /a.
func chain() store.SeedContent {
	link := func(name, next string, more ...store.SeedSecret) store.SeedFolder {
		return store.SeedFolder{Name: name, SeedContent: store.SeedContent{
			Secrets: append(more, store.SeedSecret{Name: "SAME", Value: name}, store.SeedSecret{Name: "OF_" + name, Value: name}),
			Imports: []store.SeedImport{{Env: "dev", Path: "/" + next}},
		}}
	}
	return store.SeedContent{
		Folders: []store.SeedFolder{link("a", "b"), link("b", "c"), link("c", "a")},
		Imports: []store.SeedImport{{Env: "dev", Path: "/a"}},
		Secrets: []store.SeedSecret{{Name: "REF", Value: "<${OF_a}|${OF_b}|${OF_c}>"}},
	}
}

func keysOf(secrets any) (keys []string) {
	for _, s := range secrets.([]any) {
		keys = append(keys, s.(object)["secretKey"].(string))
	}
	return keys
}

func TestChainedImports(t *testing.T) {
	g := goTester(t, chain(), "viewer")
	entries := g.list().objects("imports")
	require.Len(t, entries, 1)
	require.Equal(t, []string{"SAME", "OF_a", "SAME", "OF_b", "SAME", "OF_c"}, keysOf(entries[0]["secrets"]), "to the end, names not unique, the nearest first")
	require.Equal(t, "<a|b|c>", g.list().values()["REF"], "a plain reference is looked for in imports")
	require.Equal(t, "a", g.get("SAME").secret()["secretValue"])
	require.NotContains(t, g.list("secretPath", "/", "environment", "prod").body, "imports", "none are no field")

	n := newTester(t, Config{Seed: small(chain())}, "viewer")
	entries = n.list().objects("imports")
	require.Equal(t, []string{"SAME", "OF_a", "OF_b"}, keysOf(entries[0]["secrets"]), "one further level, each name once")
	raw := n.list("viewSecretValue", "false").objects("imports")
	require.Equal(t, []string{"SAME", "OF_a", "SAME", "OF_b"}, keysOf(raw[0]["secrets"]), "made unique by the expansion only")
	require.Equal(t, "<a|b|${OF_c}>", n.list().values()["REF"])
	require.Empty(t, n.list("environment", "prod").objects("imports"))
}

func TestImportedValuesAreExpandedUnasked(t *testing.T) {
	seed := small(store.SeedContent{
		Folders: []store.SeedFolder{{Name: "lib", SeedContent: store.SeedContent{Secrets: []store.SeedSecret{{Name: "HOST", Value: "h"}, {Name: "URL", Value: "<${HOST}>"}}}}},
		Imports: []store.SeedImport{{Env: "dev", Path: "/lib"}},
	})
	for profile, want := range map[Profile]string{Current: "<h>", CurrentGo: "<${HOST}>"} {
		c := newTester(t, Config{Profile: profile, Seed: seed}, "viewer")
		secrets := c.list("expandSecretReferences", "false").objects("imports")[0]["secrets"].([]any)
		require.Equal(t, want, secrets[1].(object)["secretValue"], profile)
	}
}
