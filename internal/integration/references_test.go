package integration

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// writing is a server that is written to through a cache, and a client that asks it
// past the cache.
type writing struct {
	*testing.T
	*devserver.Server
	client *client.Client
	cache  *cache.Cache
	to     secret.Writer
}

var (
	app     = secret.Dir{Project: "demo", Env: "dev", Path: "/app"}
	db      = secret.Dir{Project: "demo", Env: "dev", Path: "/db"}
	stage   = secret.Dir{Project: "demo", Env: "staging", Path: "/app"}
	other   = secret.Dir{Project: "demo", Env: "prod", Path: "/deep/other"}
	written = []secret.Dir{app, db, stage, other}
)

// write runs test in a bubble with three empty folders.
func write(t *testing.T, profile devserver.Profile, raw bool, test func(*writing)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := devserver.New(devserver.Config{Profile: profile})
		require.NoError(t, err)
		defer s.Close()
		w := &writing{T: t, Server: s}
		w.edit(func(e *devserver.Editor) error {
			for _, dir := range written {
				if err := e.Mkdir(dir.Project, dir.Env, dir.Path); err != nil {
					return err
				}
			}
			return nil
		})
		who := s.Credentials("admin")
		w.client, err = client.New(client.Config{
			URL:           "http://127.0.0.1:1",
			Auth:          client.UniversalAuth(who.ClientID, secret.NewValue(who.ClientSecret)),
			Organization:  who.OrganizationID,
			Transport:     devserver.Transport(s),
			RawReferences: raw,
		})
		require.NoError(t, err)
		defer w.client.Close()
		cfg := cache.Config{Watch: cache.WatchOff, TTL: time.Hour, Raw: raw}
		if !raw {
			cfg.Stored = w.client.StoredBelow
		}
		w.cache = cache.New(w.client, cfg)
		defer w.cache.Close()
		w.to = w.cache.Writer(w.client)
		test(w)
	})
}

func each(t *testing.T, test func(*testing.T, devserver.Profile)) {
	for _, p := range devserver.Profiles() {
		t.Run(string(p), func(t *testing.T) { test(t, p) })
	}
}

func (w *writing) edit(change func(*devserver.Editor) error) {
	w.Helper()
	require.NoError(w, w.Edit(change))
}

// set is a change by somebody else.
func (w *writing) set(dir secret.Dir, name, value string) {
	w.Helper()
	w.edit(func(e *devserver.Editor) error { return e.Set(dir.Project, dir.Env, dir.Path, name, value) })
}

// update is a change of ours, as the file system makes it.
func (w *writing) update(dir secret.Dir, name, value string) {
	w.Helper()
	_, err := w.to.Stored(w.Context(), dir, name)
	require.NoError(w, err)
	_, err = w.to.Update(w.Context(), dir, name, secret.NewValue(value))
	require.NoError(w, err)
}

func (w *writing) shows(dir secret.Dir, name string) string {
	w.Helper()
	f, err := w.cache.Folder(w.Context(), dir, secret.NeedEntry)
	require.NoError(w, err)
	require.False(w, f.Stale)
	s, ok := f.Secret(name)
	require.True(w, ok, "%s has no %s", dir, name)
	return s.Value.Reveal()
}

// requests lists the requests for secrets and folders that do makes.
func (w *writing) requests(do func()) (list []string) {
	w.ResetRequests()
	do()
	synctest.Wait()
	for _, r := range w.Requests() {
		if strings.Contains(r.Path, "/secrets") || strings.Contains(r.Path, "/folders") {
			list = append(list, r.Method+" "+r.Path)
		}
	}
	return list
}

// agrees demands that everything is shown as the server shows it.
func (w *writing) agrees(step string) {
	w.Helper()
	for _, dir := range written {
		shown, err := w.cache.Folder(w.Context(), dir, secret.NeedProof)
		require.NoError(w, err, "%s: %s", step, dir)
		require.False(w, shown.Stale)
		truth, err := w.client.Fetch(w.Context(), dir, nil)
		require.NoError(w, err)
		require.Equal(w, values(truth), values(shown), "%s: %s", step, dir)
		require.Equal(w, versions(truth), versions(shown), "%s: %s", step, dir)
	}
}

func values(f *secret.Folder) map[string]string {
	m := map[string]string{}
	for _, s := range f.Secrets {
		m[s.Name] = s.Value.Reveal()
	}
	return m
}

func versions(f *secret.Folder) map[string]string {
	m := map[string]string{}
	for _, s := range f.Secrets {
		m[s.Name] = fmt.Sprint(s.ID, " ", s.Version)
	}
	return m
}

// What refers to a secret is right on the next read after the secret was written: in
// its folder, in others, in other environments, through others and through imports.
func TestWhatRefersToAWrittenSecretIsRight(t *testing.T) {
	each(t, func(t *testing.T, p devserver.Profile) {
		write(t, p, false, func(w *writing) {
			w.set(db, "DB_USER", "old")
			w.set(db, "DATABASE_URL", "postgres://${DB_USER}@db")
			w.set(app, "URL", "${dev.db.DATABASE_URL}?app")
			w.set(app, "PLAIN", "plain")
			w.set(stage, "USER", "${dev.db.DB_USER}")
			w.agrees("before")
			w.update(db, "DB_USER", "new")
			require.Equal(w, "new", w.shows(db, "DB_USER"))
			require.Equal(w, "postgres://new@db", w.shows(db, "DATABASE_URL"))
			require.Equal(w, "postgres://new@db?app", w.shows(app, "URL"))
			require.Equal(w, "new", w.shows(stage, "USER"))
			w.agrees("update")
			require.Equal(w, "plain", w.shows(app, "PLAIN"))
		})
	})
}

// Several changes before anything is read are all counted.
func TestManyChangesBeforeARead(t *testing.T) {
	each(t, func(t *testing.T, p devserver.Profile) {
		write(t, p, false, func(w *writing) {
			for i := range 50 {
				w.set(db, fmt.Sprint("KEY_", i), "old")
				w.set(app, fmt.Sprint("REF_", i), fmt.Sprintf("${dev.db.KEY_%d}", i))
				w.set(db, fmt.Sprint("REF_", i), fmt.Sprintf("${KEY_%d}", i))
			}
			w.set(db, "PLAIN", "old")
			w.agrees("before")
			for i := range 50 {
				w.update(db, fmt.Sprint("KEY_", i), "new")
				if i == 32 { // more than are remembered one by one
					for n := range 20 {
						w.update(db, "PLAIN", fmt.Sprint(n))
					}
				}
				if i >= 32 && i%4 == 0 {
					w.update(db, "PLAIN", fmt.Sprint(i))
					w.agrees(fmt.Sprint("after ", i))
				}
			}
			w.agrees("after")
		})
	})
}

// A reference may lead through an environment at which nobody has looked.
func TestReferenceThroughAnotherEnvironment(t *testing.T) {
	each(t, func(t *testing.T, p devserver.Profile) {
		write(t, p, false, func(w *writing) {
			w.set(db, "X", "1")
			w.set(other, "BETWEEN", "${dev.db.X}")
			w.set(app, "A", "${prod.deep.other.BETWEEN}!")
			require.Equal(w, "1!", w.shows(app, "A"))
			for i := range 5 {
				w.update(db, "X", fmt.Sprint(i))
				require.Equal(w, fmt.Sprint(i, "!"), w.shows(app, "A"))
			}
		})
	})
}

// What somebody else has made refer to a secret is known to be unknown.
func TestReferenceMadeBySomebodyElse(t *testing.T) {
	each(t, func(t *testing.T, p devserver.Profile) {
		write(t, p, false, func(w *writing) {
			w.set(db, "X", "1")
			w.set(db, "BETWEEN", "plain")
			w.set(app, "A", "${dev.db.BETWEEN}!")
			w.agrees("before")
			w.update(db, "X", "2")
			w.agrees("a survey")
			w.set(db, "BETWEEN", "${X}")
			w.update(db, "X", "${NOTHING}") // so db is asked for again
			w.shows(db, "BETWEEN")
			w.agrees("heard")
			w.update(db, "X", "3")
			require.Equal(w, "3!", w.shows(app, "A"))
			w.agrees("after")
		})
	})
}

func TestWhatImportsAWrittenSecretIsRight(t *testing.T) {
	each(t, func(t *testing.T, p devserver.Profile) {
		write(t, p, false, func(w *writing) {
			w.set(db, "BASE", "base")
			w.set(db, "HOST", "${BASE}.example")
			w.edit(func(e *devserver.Editor) error { return e.Import("demo", "staging", "/app", "dev", "/db") })
			w.agrees("before")
			w.update(db, "BASE", "changed")
			require.Equal(w, "changed.example", w.shows(stage, "HOST"))
			require.Equal(w, "changed", w.shows(stage, "BASE"))
			_, err := w.to.Create(w.Context(), db, "NEW", secret.NewValue("new"))
			require.NoError(w, err)
			require.Equal(w, "new", w.shows(stage, "NEW"))
			require.NoError(w, w.to.Delete(w.Context(), db, "BASE"))
			w.agrees("delete")
		})
	})
}

// Twenty writes where nothing refers to anything cost what they cost without this:
// one request more per environment, once.
func TestWritesWithoutReferencesCostNoMore(t *testing.T) {
	each(t, func(t *testing.T, p devserver.Profile) {
		counts := map[bool][]string{}
		for _, plain := range []bool{true, false} {
			write(t, p, false, func(w *writing) {
				if plain {
					w.cache.Close()
					w.cache = cache.New(w.client, cache.Config{Watch: cache.WatchOff, TTL: time.Hour})
					w.to = w.cache.Writer(w.client)
				}
				defer w.cache.Close()
				for i := range 10 {
					w.set(app, fmt.Sprint("OTHER_", i), "value")
					w.set(db, fmt.Sprint("KEY_", i), "value")
				}
				w.agrees("before")
				counts[plain] = w.requests(func() {
					for i := range 20 {
						name := fmt.Sprint("KEY_", i%10)
						value := fmt.Sprint("value ", i)
						w.update(db, name, value)
						require.Equal(w, value, w.shows(db, name))
						require.Equal(w, "value", w.shows(app, "OTHER_3"))
					}
				})
				w.agrees("after")
			})
		}
		require.Len(t, counts[true], 40)
		list := "GET /api/v4/secrets"
		if p.Old() {
			list = "GET /api/v3/secrets/raw"
		}
		i := slices.Index(counts[false], list)
		require.GreaterOrEqual(t, i, 0)
		require.Equal(t, counts[true], slices.Delete(counts[false], i, i+1))
	})
}

// Of what was only ever written here everything is known: nothing is asked for.
func TestWritesToWhatIsKnownCostNoMore(t *testing.T) {
	each(t, func(t *testing.T, p devserver.Profile) {
		write(t, p, false, func(w *writing) {
			_, err := w.cache.Folder(w.Context(), app, secret.NeedProof)
			require.NoError(w, err)
			for i := range 5 {
				_, err := w.to.Create(w.Context(), app, fmt.Sprint("KEY_", i), secret.NewValue("value"))
				require.NoError(w, err)
			}
			n := w.requests(func() {
				for i := range 20 {
					w.update(app, fmt.Sprint("KEY_", i%5), fmt.Sprint(i))
					require.Equal(w, fmt.Sprint(i), w.shows(app, fmt.Sprint("KEY_", i%5)))
				}
			})
			require.Len(w, n, 40)
		})
	})
}

// A list that was asked for before the change, and answered after it, is not shown as
// if it was made after the change.
func TestListUnderWayDuringAWrite(t *testing.T) {
	each(t, func(t *testing.T, p devserver.Profile) {
		write(t, p, false, func(w *writing) {
			w.set(db, "DB_USER", "old")
			w.set(app, "URL", "${dev.db.DB_USER}@app")
			w.agrees("before")
			w.cache.Expire()
			defer w.Inject(devserver.Fault{Delay: 2 * time.Second, Times: 1, After: true, Match: isList("/app")})()
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				w.cache.Folder(w.Context(), app, secret.NeedProof)
			}()
			synctest.Wait()
			w.update(db, "DB_USER", "new")
			require.Equal(w, "new@app", w.shows(app, "URL"))
			<-answered
			require.Equal(w, "new@app", w.shows(app, "URL"))
		})
	})
}

// A change that is heard of from elsewhere is seen at once in what is known to refer
// to it.
func TestWhatRefersToAHeardChange(t *testing.T) {
	each(t, func(t *testing.T, p devserver.Profile) {
		write(t, p, false, func(w *writing) {
			w.set(db, "DB_USER", "old")
			w.set(db, "OTHER", "other")
			w.set(app, "URL", "${dev.db.DB_USER}@app")
			w.agrees("before")
			w.update(db, "OTHER", "changed") // a survey
			require.Equal(w, "old@app", w.shows(app, "URL"))
			w.set(db, "DB_USER", "new")
			require.Equal(w, "old@app", w.shows(app, "URL"), "nothing was heard yet")
			_, err := w.to.Stored(w.Context(), db, "DB_USER")
			require.NoError(w, err)
			require.Equal(w, "new@app", w.shows(app, "URL"))
			require.Equal(w, "new", w.shows(db, "DB_USER"))
		})
	})
}

// If it cannot be found out what is stored, everything that may refer to what was
// changed is asked for again.
func TestWritesWhereTheSurveyFails(t *testing.T) {
	each(t, func(t *testing.T, p devserver.Profile) {
		write(t, p, false, func(w *writing) {
			w.set(db, "DB_USER", "old")
			w.set(app, "URL", "${dev.db.DB_USER}@app")
			w.agrees("before")
			defer w.Inject(devserver.Fault{Status: 500, Body: `{"error":"InternalServerError"}`, Match: isSurvey})()
			for i := range 3 {
				w.update(db, "DB_USER", fmt.Sprint(i))
				require.Equal(w, fmt.Sprint(i, "@app"), w.shows(app, "URL"))
			}
		})
	})
}

func isList(path string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return r.Method == http.MethodGet && r.URL.Query().Get("secretPath") == path && r.URL.Query().Get("recursive") == "false"
	}
}

func isSurvey(r *http.Request) bool {
	q := r.URL.Query()
	return q.Get("recursive") == "true" && q.Get("expandSecretReferences") == "false" && q.Get("viewSecretValue") == "true"
}
