package integration

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

func limited(p devserver.Profile) devserver.Config {
	return devserver.Config{Profile: p, RateLimit: devserver.DefaultRateLimit(p)}
}

// Two requests for each poll of a hundred folders: the folders and the secrets,
// both conditional. When something changed, a third one for the names.
func TestHundredWatchedFolders(t *testing.T) {
	play(t, limited(devserver.Current), cache.Config{}, nil, func(w *world) {
		w.use(w.dirs...)
		time.Sleep(time.Minute) // the first poll has nothing to be conditional on
		require.Equal(w, 100, w.cache.Stats().Watch.Folders)
		for range 10 {
			polls := w.cache.Stats().Watch.Polls
			asked := w.asked(func() { time.Sleep(time.Minute) })
			polls = w.cache.Stats().Watch.Polls - polls
			require.LessOrEqual(w, polls, int64(2)) // of 54 to 60 seconds each
			require.EqualValues(w, 2*polls, asked)
		}
		require.Empty(w, w.changes())
		w.Logf("in 45 minutes: %d requests", w.asked(func() { time.Sleep(45 * time.Minute) }))
		time.Sleep(5 * time.Minute)
		require.Zero(w, w.asked(func() { time.Sleep(24 * time.Hour) }), "idle means idle")
	})
}

func TestHundredWatchedFoldersOf2024(t *testing.T) {
	play(t, limited(devserver.Y2024), cache.Config{}, nil, func(w *world) {
		w.use(w.dirs...)
		time.Sleep(time.Minute)
		polls := w.cache.Stats().Watch.Polls
		asked := w.asked(func() { time.Sleep(10 * time.Minute) })
		require.EqualValues(w, w.cache.Stats().Watch.Polls-polls, asked)
		require.LessOrEqual(w, asked, 12)
		w.set(w.dirs[50], "second")
		time.Sleep(time.Minute)
		require.Len(w, w.changes(), 1)
	})
}

// What each poll must notice, although most of its requests are conditional.
func TestEveryChangeIsNoticed(t *testing.T) {
	dir, other := prod.Child("folder-01"), prod.Child("folder-02")
	for name, change := range map[string]func(*devserver.Editor) error{
		"value":          func(e *devserver.Editor) error { return e.Set("demo", "prod", dir.Path, "KEY", "new") },
		"new secret":     func(e *devserver.Editor) error { return e.Set("demo", "prod", dir.Path, "MORE", "new") },
		"deleted secret": func(e *devserver.Editor) error { return e.Delete("demo", "prod", dir.Path, "KEY") },
		"renamed secret": func(e *devserver.Editor) error { return e.Rename("demo", "prod", dir.Path, "KEY", "NEW") },
		"new folder":     func(e *devserver.Editor) error { return e.Mkdir("demo", "prod", dir.Path+"/new") },
		"hidden value":   func(e *devserver.Editor) error { return e.Hide("viewer", "demo", "prod", dir.Path, "KEY") },
		"denied folder":  func(e *devserver.Editor) error { return e.Deny("viewer", "demo", "prod", dir.Path) },
		"deleted folder": func(e *devserver.Editor) error { return e.Rmdir("demo", "prod", dir.Path) },
		"reference":      func(e *devserver.Editor) error { return e.Set("demo", "staging", "/", "TARGET", "new") },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, limited(devserver.Current), cache.Config{}, nil, func(w *world) {
				w.edit(func(e *devserver.Editor) error { return e.Set("demo", "staging", "/", "TARGET", "old") })
				w.set(dir, "${staging.TARGET}")
				w.use(dir, other)
				time.Sleep(3 * time.Minute)
				require.Empty(w, w.changes())
				w.edit(change)
				time.Sleep(time.Minute)
				changes := w.changes()
				require.NotEmpty(w, changes)
				for _, n := range changes {
					require.Equal(w, dir, n.Dir)
				}
				if name == "denied folder" {
					require.ErrorIs(w, changes[0].Err, secret.ErrDenied)
				}
				time.Sleep(3 * time.Minute)
				require.Empty(w, w.changes(), "once")
			})
		})
	}
}

// The topmost folder is not in the list that tells when folders were changed.
func TestChangeInTheTopmostFolder(t *testing.T) {
	play(t, limited(devserver.Current), cache.Config{}, nil, func(w *world) {
		w.set(prod, "first")
		w.use(prod, w.dirs[0])
		time.Sleep(3 * time.Minute)
		w.set(prod, "second")
		time.Sleep(time.Minute)
		changes := w.changes()
		require.Len(w, changes, 1)
		require.Equal(w, prod, changes[0].Dir)
	})
}

// Where there is no bulk answer, polls take half of the limit and no more, and
// leave it to callers who wait; every folder has its turn.
func TestPollsTakeHalfOfTheLimit(t *testing.T) {
	play(t, limited(devserver.Current), cache.Config{Watch: cache.WatchAlways}, nil, func(w *world) {
		w.edit(func(e *devserver.Editor) error { return e.Import("demo", "prod", "/folder-99", "staging", "/") })
		w.use(w.dirs...)
		time.Sleep(10 * time.Minute)
		asked := w.asked(func() { time.Sleep(20 * time.Minute) })
		require.LessOrEqual(w, asked, 20*60, "30 for secrets and 30 for folders a minute")
		for _, r := range w.Requests() {
			require.Less(w, r.Status, 400)
		}
		require.Equal(w, 60.0, w.cache.Stats().Watch.IntervalSeconds, "it is our own use")
		began := time.Now()
		for _, dir := range w.dirs {
			w.set(dir, "second")
		}
		for n := 0; n < 100; n += len(w.changes()) {
			time.Sleep(10 * time.Second)
			require.Less(w, time.Since(began), 10*time.Minute)
		}
		w.Logf("%d requests in 20 minutes; a hundred changes were noticed within %v", asked, time.Since(began))
	})
}

// Another program behind the same address uses the limit.
func TestPollsMakeWay(t *testing.T) {
	play(t, limited(devserver.Current), cache.Config{Watch: cache.WatchAlways}, nil, func(w *world) {
		w.use(w.dirs[:2]...)
		time.Sleep(10 * time.Minute)
		require.Equal(w, 60.0, w.cache.Stats().Watch.IntervalSeconds)
		polls := w.cache.Stats().Watch.Polls
		other := w.join(nil)
		defer other.Close()
		busy := time.Now()
		for time.Since(busy) < time.Hour {
			_, err := other.Fetch(w.Context(), w.dirs[5], nil)
			require.NoError(w, err)
			time.Sleep(1500 * time.Millisecond) // 40 of 60 a minute
		}
		polls = w.cache.Stats().Watch.Polls - polls
		require.LessOrEqual(w, polls, int64(30))
		w.Logf("%d polls in an hour beside a busy neighbour", polls)
		time.Sleep(16 * time.Minute)
		require.Equal(w, 60.0, w.cache.Stats().Watch.IntervalSeconds)
	})
}

func TestListsInANewOrderAreNoChange(t *testing.T) {
	shuffle := func(next http.RoundTripper) http.RoundTripper {
		var turn atomic.Int32
		return meddler{next, func(_ *http.Request, answer *http.Response, body []byte) []byte {
			var doc map[string]any
			if answer.StatusCode != http.StatusOK || json.Unmarshal(body, &doc) != nil {
				return body
			}
			even := turn.Add(1)%2 == 0
			for _, v := range doc {
				if list, ok := v.([]any); ok && even {
					slices.Reverse(list)
				}
			}
			answer.Header.Del("Etag")
			body, _ = json.Marshal(doc)
			return body
		}}
	}
	for _, p := range devserver.Profiles() {
		play(t, limited(p), cache.Config{}, shuffle, func(w *world) {
			for i, name := range []string{"A", "B", "C"} {
				w.edit(func(e *devserver.Editor) error { return e.Set("demo", "prod", w.dirs[i].Path, name, name) })
			}
			w.use(w.dirs[:10]...)
			time.Sleep(30 * time.Minute)
			require.Empty(w, w.changes())
			require.GreaterOrEqual(w, w.cache.Stats().Watch.Polls, int64(29))
			w.set(w.dirs[0], "second")
			time.Sleep(time.Minute)
			require.Len(w, w.changes(), 1)
		})
	}
}

// A proxy that loses the tags from some time on.
func TestTagsThatVanish(t *testing.T) {
	var strip atomic.Bool
	wrap := func(next http.RoundTripper) http.RoundTripper {
		return meddler{next, func(_ *http.Request, answer *http.Response, body []byte) []byte {
			if strip.Load() {
				answer.Header.Del("Etag")
			}
			return body
		}}
	}
	play(t, limited(devserver.Current), cache.Config{Watch: cache.WatchAlways}, wrap, func(w *world) {
		strip.Store(false)
		w.use(w.dirs[:10]...)
		time.Sleep(10 * time.Minute)
		strip.Store(true)
		asked := w.asked(func() { time.Sleep(30 * time.Minute) })
		require.LessOrEqual(w, asked, 3*34)
		require.Empty(w, w.changes())
		w.set(w.dirs[0], "second")
		time.Sleep(time.Minute)
		require.Len(w, w.changes(), 1)
	})
}

// A server that says "not modified" to everything is believed for 15 minutes.
func TestServerThatConfirmsEverything(t *testing.T) {
	wrap := func(next http.RoundTripper) http.RoundTripper {
		return meddler{next, func(req *http.Request, answer *http.Response, body []byte) []byte {
			if req.Header.Get("If-None-Match") != "" {
				answer.StatusCode = http.StatusNotModified
				return nil
			}
			return body
		}}
	}
	for name, n := range map[string]int{"one folder": 1, "ten folders": 10} {
		t.Run(name, func(t *testing.T) {
			play(t, limited(devserver.Current), cache.Config{}, wrap, func(w *world) {
				w.use(w.dirs[:n]...)
				time.Sleep(2 * time.Minute)
				w.set(w.dirs[0], "second")
				time.Sleep(16 * time.Minute)
				require.Len(w, w.changes(), 1)
			})
		})
	}
}

// Refused by the rate limit for ten minutes, without a word how long.
func TestRefusedForTenMinutes(t *testing.T) {
	play(t, limited(devserver.Current), cache.Config{}, nil, func(w *world) {
		w.use(w.dirs[:10]...)
		time.Sleep(5 * time.Minute)
		heal := w.Inject(devserver.Fault{Status: http.StatusTooManyRequests, Body: `{"error":"RateLimitExceeded"}`})
		w.set(w.dirs[0], "second")
		asked := w.asked(func() { time.Sleep(10 * time.Minute) })
		require.LessOrEqual(w, asked, 10)
		require.Empty(w, w.changes())
		heal()
		time.Sleep(10 * time.Minute)
		require.Len(w, w.changes(), 1)
		w.Logf("%d requests were refused in ten minutes", asked)
	})
}
