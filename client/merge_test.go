package client_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
)

// Where imports import, the nearest secret of a name is the one that counts,
// also if one further away is newer, and whether or not the server sends both.
func TestTheNearestImportOfANameWins(t *testing.T) {
	link := func(name string, imports ...devserver.SeedImport) devserver.SeedFolder {
		return devserver.SeedFolder{Name: name, SeedContent: devserver.SeedContent{
			Secrets: []devserver.SeedSecret{{Name: "BASE", Value: "of " + name}, {Name: "ONLY_" + name, Value: name}}, Imports: imports,
		}}
	}
	seed := &devserver.Seed{Projects: []devserver.SeedProject{{Slug: "demo", Environments: []devserver.SeedEnvironment{{
		Slug: "dev", SeedContent: devserver.SeedContent{
			Folders: []devserver.SeedFolder{link("near", devserver.SeedImport{Env: "dev", Path: "/far"}), link("far")},
			Imports: []devserver.SeedImport{{Env: "dev", Path: "/near"}},
		},
	}}}}}
	each(t, func(t *testing.T, profile devserver.Profile) {
		for range 4 { // ids are drawn by lot
			var log strings.Builder
			w := newWorld(t, devserver.Config{Profile: profile, Seed: seed}, "viewer", func(c *client.Config) {
				c.Log = slog.New(slog.NewTextHandler(&log, nil))
			})
			for range 4 {
				w.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/far", "BASE", "of far") })
			}
			f := w.fetch(t, dev)
			require.Equal(t, "of near", value(t, f, "BASE"))
			require.Equal(t, "far", value(t, f, "ONLY_far"))
			require.NotContains(t, log.String(), "two secrets of one name")
		}
	})
}
