package devserver

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver/internal/store"
)

// granting is a server where the viewer may do nothing but for folder grants.
func granting(t *testing.T, profile Profile) *tester {
	c := newTester(t, Config{Profile: profile, Seed: small(store.SeedContent{
		Secrets: []store.SeedSecret{{Name: "TOP", Value: "top"}},
		Folders: []store.SeedFolder{{Name: "a", SeedContent: store.SeedContent{
			Secrets: []store.SeedSecret{{Name: "KEY", Value: "a"}},
			Folders: []store.SeedFolder{{Name: "b", SeedContent: store.SeedContent{Secrets: []store.SeedSecret{{Name: "DEEP", Value: "b"}}}}},
		}}},
	})}, "viewer")
	c.edit(func(e *Editor) error { return e.Grant("viewer", "demo", "no-access") })
	return c
}

func TestFolderGrants(t *testing.T) {
	c := granting(t, Current)
	c.list("secretPath", "/a").is(403, "PermissionDenied")
	c.get("KEY", "secretPath", "/a").is(403, "PermissionDenied")
	require.Len(t, c.do("GET", "/api/v2/folders"+c.query("path", "/", "recursive", "true"), nil).is(200, "").objects("folders"), 2, "each member may list folders")

	c.edit(func(e *Editor) error { return e.GrantFolder("viewer", "demo", "dev", "/a", FolderRead, time.Time{}) })
	require.Equal(t, map[string]string{"KEY": "a"}, c.list("secretPath", "/a").is(200, "").values())
	require.Equal(t, map[string]string{"KEY": "a"}, c.list("recursive", "true").values())
	for path, name := range map[string]string{"/": "TOP", "/a/b": "DEEP"} {
		require.Empty(t, c.list("secretPath", path).is(200, "").objects("secrets"), "it is for that folder, and the others look empty")
		c.get(name, "secretPath", path).is(403, "PermissionDenied")
		c.get("NOPE", "secretPath", path).is(403, "PermissionDenied")
	}
	c.do("PATCH", "/api/v4/secrets/KEY", c.write("secretPath", "/a", "secretValue", "v")).is(403, "PermissionDenied")

	c.edit(func(e *Editor) error { return e.GrantFolder("viewer", "demo", "dev", "/a", FolderList, time.Time{}) })
	c.list("secretPath", "/a").is(403, "PermissionDenied")
	s := c.list("secretPath", "/a", "viewSecretValue", "false").is(200, "").objects("secrets")
	require.Equal(t, "<hidden-by-infisical>", s[0]["secretValue"])
	require.Equal(t, true, s[0]["secretValueHidden"])

	c.edit(func(e *Editor) error { return e.GrantFolder("viewer", "demo", "dev", "/a", FolderEdit, time.Time{}) })
	c.do("PATCH", "/api/v4/secrets/KEY", c.write("secretPath", "/a", "secretValue", "v")).is(200, "")
	remove := func() reply { return c.do("DELETE", "/api/v2/folders/b", c.write("path", "/a", "forceDelete", true)) }
	remove().is(403, "PermissionDenied")
	c.edit(func(e *Editor) error { return e.GrantFolder("viewer", "demo", "dev", "/a", FolderFull, time.Time{}) })
	remove().is(200, "")

	c.edit(func(e *Editor) error { return e.RevokeFolder("viewer", "demo", "dev", "/a") })
	c.get("KEY", "secretPath", "/a").is(403, "PermissionDenied")
}

// A grant replaces what the role says, and may say less.
func TestAFolderGrantNarrows(t *testing.T) {
	for _, profile := range []Profile{Current, CurrentGo} {
		c := granting(t, profile)
		c.edit(func(e *Editor) error {
			return errors.Join(e.Grant("viewer", "demo", "viewer"), e.GrantFolder("viewer", "demo", "dev", "/a", FolderList, time.Time{}))
		})
		require.Equal(t, map[string]string{"TOP": "top"}, c.list().is(200, "").values())
		require.Equal(t, map[string]string{"TOP": "top", "DEEP": "b"}, c.list("recursive", "true").is(200, "").values())
		c.get("KEY", "secretPath", "/a").is(403, "PermissionDenied")
	}
}

func TestATemporaryFolderGrantEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := granting(t, Current)
		c.edit(func(e *Editor) error {
			return e.GrantFolder("viewer", "demo", "dev", "/a", FolderRead, time.Now().Add(time.Hour))
		})
		c.list("secretPath", "/a").is(200, "")
		time.Sleep(time.Hour)
		c.list("secretPath", "/a").is(403, "PermissionDenied")
		c.get("KEY", "secretPath", "/a").is(403, "PermissionDenied")
	})
}

func TestWhoGetsNoFolderGrant(t *testing.T) {
	c := granting(t, Current)
	grant := func(identity, path string, role FolderRole, until time.Time) error {
		return c.s.Edit(func(e *Editor) error { return e.GrantFolder(identity, "demo", "dev", path, role, until) })
	}
	require.ErrorContains(t, grant("admin", "/a", FolderRead, time.Time{}), "administrator")
	require.ErrorContains(t, grant("no-access", "/a", FolderRead, time.Time{}), "not a member")
	require.ErrorContains(t, grant("viewer", "/nope", FolderRead, time.Time{}), "no folder")
	require.ErrorContains(t, grant("viewer", "/a", FolderFull, time.Now().Add(time.Hour)), "temporary")
}
