package client_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// Servers of 2024 refuse an identity the list of projects; the organisation, or
// the project's own id or slug, still lead there.
func TestProjectsWhereListingIsForbidden(t *testing.T) {
	w := newWorld(t, devserver.Config{Profile: devserver.Y2024}, "viewer", func(c *client.Config) { c.Organization = "" })
	w.edit(t, func(e *devserver.Editor) error { return e.AddProject("old-project", "", "dev") })
	w.edit(t, func(e *devserver.Editor) error { return e.Grant("viewer", "old-project", "viewer") })
	w.edit(t, func(e *devserver.Editor) error { return e.Grant("admin", "old-project", "admin") })
	_, err := w.client.Fetch(t.Context(), secret.Dir{}, nil)
	require.ErrorIs(t, err, secret.ErrDenied)

	for _, how := range []func(*client.Config){
		func(c *client.Config) {}, // the organisation, from the helper
		func(c *client.Config) { c.Organization, c.Projects = "", []string{"old-project"} },
		func(c *client.Config) { c.Organization, c.Projects = "", []string{projectID(t, w, "old-project")} },
	} {
		c := join(t, w.Server, "viewer", how)
		f, err := c.Fetch(t.Context(), secret.Dir{}, nil)
		require.NoError(t, err)
		_, projects := names(f)
		require.Contains(t, projects, "old-project")
	}
}

func TestProjectByIDOrSlug(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		for _, name := range []string{"demo", projectID(t, w, "demo")} {
			slug, err := w.client.Project(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, "demo", slug)
		}
		_, err := w.client.Project(t.Context(), "no-such-project")
		require.ErrorIs(t, err, secret.ErrNotFound)
	})
}

func TestOnlyOwnProjectsAreListed(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "no-access", nil)
		w.edit(t, func(e *devserver.Editor) error { return e.AddProject("other-team", "Other Team", "dev") })
		f := w.fetch(t, secret.Dir{})
		require.Empty(t, f.Folders)
		_, err := w.client.Fetch(t.Context(), secret.Dir{Project: "other-team", Env: "dev", Path: "/"}, nil)
		require.Error(t, err)
	})
}

func TestTheProbeIsMadeOnceAndAgainWhenAServerIsReplaced(t *testing.T) {
	w := newWorld(t, devserver.Config{Profile: devserver.Y2024}, "viewer", nil)
	for range 5 {
		w.fetch(t, dev)
	}
	unknown := 0
	for _, r := range w.Requests() {
		if r.Route == "" {
			unknown++
		}
	}
	require.Equal(t, 1, unknown, "one request found out that the routes are the old ones")
	require.Equal(t, "legacy", w.client.Stats().Routes)
}

// projectID asks the server as an identity that may list.
func projectID(t *testing.T, w world, slug string) string {
	t.Helper()
	f, err := join(t, w.Server, "admin", nil).Fetch(t.Context(), secret.Dir{}, nil)
	require.NoError(t, err)
	sub, ok := f.Subfolder(slug)
	require.True(t, ok)
	return sub.ID
}
