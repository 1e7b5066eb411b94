package client_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

func TestClientIsASource(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		missing := dev
		missing.Path = "/nowhere"
		secrettest.TestSource(t, w.client, secrettest.Known{Dir: dev, Name: "GREETING", Value: "hello, world", Subfolder: "payments", Missing: missing})
	})
}

func TestLevelsOfTheTree(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		_, projects := names(w.fetch(t, secret.Dir{}))
		require.Equal(t, []string{"demo"}, projects)
		_, environments := names(w.fetch(t, secret.Dir{Project: "demo"}))
		require.Equal(t, []string{"dev", "prod", "staging"}, environments)
		secrets, folders := names(w.fetch(t, dev))
		require.Contains(t, secrets, "GREETING")
		require.Equal(t, []string{"payments"}, folders)
	})
}

func TestValuesArriveAsTheyAre(t *testing.T) {
	ugly := []string{"", " ", "\n", "a\nb\r\n", "\x00", "\x01\x1b", "日本語 ☕", `"\'$`, "${", "\ufeffbom", strings.Repeat("x", 1<<20)}
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		for i, v := range ugly {
			w.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "prod", "/", "UGLY_"+string(rune('A'+i)), v) })
		}
		f := w.fetch(t, secret.Dir{Project: "demo", Env: "prod", Path: "/"})
		for i, v := range ugly {
			require.Equal(t, v, value(t, f, "UGLY_"+string(rune('A'+i))))
		}
	})
}

func TestReferencesAreExpandedUnlessRaw(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		require.NotContains(t, value(t, w.fetch(t, dev), "DATABASE_URL"), "${")
		raw := join(t, w.Server, "viewer", func(c *client.Config) { c.RawReferences = true })
		f, err := raw.Fetch(t.Context(), dev, nil)
		require.NoError(t, err)
		require.Contains(t, value(t, f, "DATABASE_URL"), "${DB_USER}")
	})
}

func TestImportsAreMergedAsTheServerDoes(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		w.edit(t, func(e *devserver.Editor) error {
			for _, step := range []error{
				e.Mkdir("demo", "dev", "/first"), e.Mkdir("demo", "dev", "/last"), e.Mkdir("demo", "dev", "/user"),
				e.Set("demo", "dev", "/first", "BOTH", "first"), e.Set("demo", "dev", "/last", "BOTH", "last"),
				e.Set("demo", "dev", "/first", "OWN", "imported"), e.Set("demo", "dev", "/user", "OWN", "own"),
				e.Import("demo", "dev", "/user", "dev", "/first"), e.Import("demo", "dev", "/user", "dev", "/last"),
			} {
				if step != nil {
					return step
				}
			}
			return nil
		})
		f := w.fetch(t, secret.Dir{Project: "demo", Env: "dev", Path: "/user"})
		require.Equal(t, "last", value(t, f, "BOTH"))
		require.Equal(t, "own", value(t, f, "OWN"))
		both, _ := f.Secret("BOTH")
		require.Equal(t, &secret.Dir{Project: "demo", Env: "dev", Path: "/last"}, both.Import)
		own, _ := f.Secret("OWN")
		require.Nil(t, own.Import)
	})
}

func TestPersonalOverrides(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		w.edit(t, func(e *devserver.Editor) error { return e.SetPersonal("demo", "dev", "/", "GREETING", "mine") })
		user := func(c *client.Config) {
			c.Auth = client.TokenAuth(func() (secret.Value, error) { return secret.NewValue(w.UserToken()), nil })
		}
		f, err := join(t, w.Server, "viewer", user).Fetch(t.Context(), dev, nil)
		require.NoError(t, err)
		require.Equal(t, "mine", value(t, f, "GREETING"))
		s, _ := f.Secret("GREETING")
		require.True(t, s.Personal)

		shared, err := join(t, w.Server, "viewer", func(c *client.Config) { user(c); c.SharedOnly = true }).Fetch(t.Context(), dev, nil)
		require.NoError(t, err)
		require.Equal(t, "hello, world", value(t, shared, "GREETING"))
		require.Equal(t, "hello, world", value(t, w.fetch(t, dev), "GREETING"), "an identity has no overrides")
	})
}

func TestTwoSecretsOfOneNameAreOneAndTheNewestWins(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
			for _, v := range []string{"older", "newest"} {
				time.Sleep(time.Second)
				w.edit(t, func(e *devserver.Editor) error { return e.Duplicate("demo", "dev", "/", "GREETING", v) })
			}
			f := w.fetch(t, dev)
			secrets, _ := names(f)
			require.Equal(t, 1, strings.Count(strings.Join(secrets, " "), "GREETING"))
			if profile != devserver.July2024 { // whose lists have no dates
				require.Equal(t, "newest", value(t, f, "GREETING"))
			}
			require.Equal(t, value(t, f, "GREETING"), value(t, w.fetch(t, dev), "GREETING"), "always the same one")
		})
	})
}

func TestNotModifiedRenewsAndKeepsTheContent(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		first := w.fetch(t, dev)
		again, err := w.client.Fetch(t.Context(), dev, first)
		require.NoError(t, err)
		require.Equal(t, int64(2), w.client.Stats().NotModified)
		require.Equal(t, first.Answered, again.Answered)
		require.True(t, again.Fetched.After(first.Fetched))
		require.Equal(t, first.Secrets, again.Secrets)
		require.Equal(t, first.Folders, again.Folders)

		w.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", "GREETING", "changed") })
		third, err := w.client.Fetch(t.Context(), dev, again)
		require.NoError(t, err)
		require.Equal(t, "changed", value(t, third, "GREETING"))
		require.True(t, third.Answered.After(first.Answered))
	})
}

func TestAFolderCostsTwoRequests(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		w.fetch(t, dev) // login, probe, project list
		w.ResetRequests()
		w.fetch(t, payments)
		require.Len(t, w.Requests(), 2)
	})
}

func TestMissingIsOnlyWhatTheServerSays(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		for _, dir := range []secret.Dir{
			{Project: "demo", Env: "dev", Path: "/nope"},
			{Project: "demo", Env: "dev", Path: "/payments/nope"},
			{Project: "demo", Env: "nope", Path: "/"},
			{Project: "no-such-project", Env: "dev", Path: "/"},
		} {
			_, err := w.client.Fetch(t.Context(), dir, nil)
			require.ErrorIs(t, err, secret.ErrNotFound, dir)
		}
		empty := secret.Dir{Project: "demo", Env: "dev", Path: "/payments/empty"}
		w.edit(t, func(e *devserver.Editor) error { return e.Mkdir("demo", "dev", empty.Path) })
		f := w.fetch(t, empty)
		require.Empty(t, f.Secrets)
		require.Empty(t, f.Folders)
	})
}
