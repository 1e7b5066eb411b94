package client_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// Servers of 2024 refuse an identity the list of projects; the organisation, or
// the project's own id or slug, still lead there.
func TestProjectsWhereListingIsForbidden(t *testing.T) {
	for _, profile := range []devserver.Profile{devserver.Y2024, devserver.July2024} {
		t.Run(string(profile), func(t *testing.T) { projectsWithoutAList(t, profile) })
	}
}

func projectsWithoutAList(t *testing.T, profile devserver.Profile) {
	w := newWorld(t, devserver.Config{Profile: profile}, "viewer", func(c *client.Config) { c.Organization = "" })
	w.edit(t, func(e *devserver.Editor) error { return e.AddProject("old-project", "", "dev") })
	w.edit(t, func(e *devserver.Editor) error { return e.Grant("viewer", "old-project", "viewer") })
	w.edit(t, func(e *devserver.Editor) error { return e.Grant("admin", "old-project", "admin") })
	_, err := w.client.Fetch(t.Context(), secret.Dir{}, nil)
	require.ErrorIs(t, err, secret.ErrDenied)
	require.ErrorIs(t, err, client.ErrNoProjectList)
	for _, unknown := range []string{"demo", "nowhere-at-all", "00000000-0000-4000-8000-000000000000"} { // of the first the slug is too short
		_, err = w.client.Project(t.Context(), unknown)
		require.ErrorIs(t, err, client.ErrUnknownProject)
		require.NotErrorIs(t, err, secret.ErrNotFound, "it is no proof that there is none")
	}

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

// A slug may come to belong to another project. The old id then is refused.
func TestASlugThatIsUsedAgain(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
			again := secret.Dir{Project: "again", Env: "dev", Path: "/"}
			for _, v := range []string{"first", "second"} {
				w.edit(t, func(e *devserver.Editor) error {
					if v == "second" {
						if err := e.RemoveProject("again"); err != nil {
							return err
						}
					}
					if err := e.AddProject("again", "", "dev"); err != nil {
						return err
					}
					if err := e.Grant("viewer", "again", "viewer"); err != nil {
						return err
					}
					return e.Set("again", "dev", "/", "KEY", v)
				})
				require.Equal(t, v, value(t, w.fetch(t, again), "KEY"))
				time.Sleep(2 * time.Minute)
			}
			w.edit(t, func(e *devserver.Editor) error { return e.RemoveProject("again") })
			_, err := w.client.Fetch(t.Context(), again, nil)
			require.Error(t, err)
			w.fetch(t, secret.Dir{})
			_, err = w.client.Fetch(t.Context(), again, nil)
			require.ErrorIs(t, err, secret.ErrNotFound)
		})
	})
}

// What is refused often must not cost a list of projects each time.
func TestRefusalsAreLookedIntoOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, devserver.Config{}, "viewer", nil)
		w.fetch(t, dev)
		w.ResetRequests()
		missing := dev.Child("missing")
		for range 10 {
			_, err := w.client.Fetch(t.Context(), missing, nil)
			require.ErrorIs(t, err, secret.ErrNotFound)
		}
		synctest.Wait() // what was broken off may still arrive
		require.LessOrEqual(t, w.count("/api/v1/projects"), 1)
	})
}

func TestManyCallersShareTheListOfProjects(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
			require.NoError(t, w.client.Login(t.Context()))
			w.Inject(devserver.Fault{Delay: time.Second})
			var group sync.WaitGroup
			for range 20 {
				group.Go(func() { w.fetch(t, payments) })
			}
			group.Wait()
			lists := 0
			for _, r := range w.Requests() {
				if strings.HasSuffix(r.Path, "/workspaces") || strings.HasSuffix(r.Path, "/projects") || strings.HasSuffix(r.Path, "/workspace") {
					lists++
				}
			}
			require.LessOrEqual(t, lists, 3)
		})
	})
}

// A project's former slug still leads to it for who mounted it by that name.
func TestARenamedProjectKeepsItsMounts(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", nil)
	w.fetch(t, secret.Dir{})
	id := projectID(t, w, "demo")
	renamed := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/v1/projects") }
	w.Inject(devserver.Fault{Status: 200, Match: renamed, Body: `{"projects":[{"id":"` + id + `","slug":"renamed"}]}`})
	one := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, id) }
	w.Inject(devserver.Fault{Status: 200, Match: one, Body: `{"project":{"id":"` + id + `","slug":"renamed","environments":[{"slug":"dev"}]}}`})

	_, projects := names(w.fetch(t, secret.Dir{}))
	require.Equal(t, []string{"renamed"}, projects)
	for _, slug := range []string{"demo", "renamed"} {
		f := w.fetch(t, secret.Dir{Project: slug})
		require.Equal(t, secret.Dir{Project: slug}, f.Dir)
		w.fetch(t, secret.Dir{Project: slug, Env: "dev", Path: "/"})
	}
}

func TestOddListsOfProjects(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", nil)
	w.Inject(devserver.Fault{Status: 200, Match: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/v1/projects") }, Body: `{"projects":[
		{"id":"2","slug":"twice","environments":[{"slug":""},{"slug":"dev"}]},{"id":"1","slug":"twice"},
		{"id":"3","slug":""},{"slug":"no-id"},{"id":"4","slug":"a/b"},{"id":"5","slug":"fine"}]}`})
	f := w.fetch(t, secret.Dir{})
	require.Equal(t, []secret.Subfolder{{Name: "fine", ID: "5"}, {Name: "twice", ID: "1"}}, f.Folders)
}

func TestAConfiguredProjectThatIsGoneDoesNotTakeTheOthersAway(t *testing.T) {
	w := newWorld(t, devserver.Config{}, "viewer", func(c *client.Config) {
		c.Organization, c.Projects = "", []string{"gone", "demo"}
	})
	denied := devserver.Fault{Status: 403, Body: `{"error":"PermissionDenied","message":"x"}`, Match: func(r *http.Request) bool {
		return strings.HasSuffix(r.URL.Path, "/projects") || strings.HasSuffix(r.URL.Path, "/workspaces")
	}}
	w.Inject(denied)
	_, projects := names(w.fetch(t, secret.Dir{}))
	require.Equal(t, []string{"demo"}, projects)
}

// The organisation that a token names is known only while there is a token.
func TestTheOrganisationIsAskedWithAFreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		token := devserver.TokenConfig{TTL: 10 * time.Minute, MaxTTL: time.Hour}
		w := newWorld(t, devserver.Config{Token: token}, "viewer", func(c *client.Config) { c.Organization = "" })
		w.Inject(devserver.Fault{Status: 403, Body: `{"error":"Forbidden access","message":"x"}`, Match: func(r *http.Request) bool {
			return strings.HasSuffix(r.URL.Path, "/v1/projects")
		}})
		w.fetch(t, secret.Dir{})
		time.Sleep(9 * time.Minute)
		w.fetch(t, secret.Dir{})
	})
}

// A proxy's page, or another server behind it, can look like an old server for a
// moment; and an old server is upgraded one day.
func TestLegacyRoutesAreDoubtedAfterAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, devserver.Config{}, "viewer", nil)
		w.fetch(t, dev)
		remove := w.Inject(devserver.Fault{
			Status: 404, Body: "<html>", Header: http.Header{"Content-Type": {"text/html"}},
			Match: func(r *http.Request) bool {
				return strings.Contains(r.URL.Path, "/v4/") || strings.Contains(r.URL.Path, "/v2/folders")
			},
		})
		w.fetch(t, dev)
		require.Equal(t, "legacy", w.client.Stats().Routes)
		remove()
		w.fetch(t, dev)
		require.Equal(t, "legacy", w.client.Stats().Routes)
		time.Sleep(time.Hour)
		w.fetch(t, dev)
		require.Equal(t, "current", w.client.Stats().Routes)
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
