package client_test

import (
	"context"
	"fmt"
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

// A year is not obeyed, and a person who wants to know now is not kept waiting by
// what the server said to others.
func TestAWaitThatNobodyWouldWait(t *testing.T) {
	for _, header := range []http.Header{
		{"Retry-After": {"31536000"}},
		{"Retry-After": {"Fri, 31 Dec 2199 23:59:59 GMT"}},
		{"X-Ratelimit-Reset": {"1e12"}, "X-Ratelimit-Limit": {"60"}, "X-Ratelimit-Remaining": {"0"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, devserver.Config{}, "viewer", nil)
			w.fetch(t, dev)
			w.Inject(devserver.Fault{Match: isSecrets, Times: 1, Status: 429, Header: header, Body: `{"error":"RateLimitExceeded"}`})
			_, err := w.client.Fetch(t.Context(), dev, nil)
			require.ErrorIs(t, err, secret.ErrRateLimited)
			_, err = w.client.Fetch(t.Context(), dev, nil)
			require.ErrorIs(t, err, secret.ErrRateLimited, "it is obeyed")
			time.Sleep(5*time.Minute + time.Second)
			w.fetch(t, dev)

			w.Inject(devserver.Fault{Match: isSecrets, Times: 1, Status: 429, Header: header, Body: `{"error":"RateLimitExceeded"}`})
			_, err = w.client.Fetch(t.Context(), dev, nil)
			require.ErrorIs(t, err, secret.ErrRateLimited)
			w.client.Reconsider()
			w.fetch(t, dev)
		})
	}
}

// Who waits already is let through as well.
func TestReconsideringWakesWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, devserver.Config{}, "viewer", nil)
		w.fetch(t, dev)
		w.Inject(devserver.Fault{Match: isSecrets, Times: 1, Status: 429, Header: http.Header{"Retry-After": {"60"}}, Body: `{}`})
		began := time.Now()
		time.AfterFunc(10*time.Second, w.client.Reconsider)
		w.fetch(t, dev)
		require.Equal(t, 10*time.Second, time.Since(began))
	})
}

func isSecrets(r *http.Request) bool { return strings.Contains(r.URL.Path, "secrets") }

// sentTags are the tags that the client sends when it asks again for what it knows.
func sentTags(ctx context.Context, t *testing.T, w world, known *secret.Folder) []string {
	var mu sync.Mutex // guards sent: two requests go out side by side
	var sent []string
	remove := w.Inject(devserver.Fault{Match: func(r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if tag := r.Header.Get("If-None-Match"); tag != "" {
			sent = append(sent, tag)
		}
		return false
	}})
	defer remove()
	_, err := w.client.Fetch(ctx, dev, known)
	require.NoError(t, err)
	mu.Lock()
	defer mu.Unlock()
	return sent
}

// A tag that no server has is not kept, and so the folder is asked for in full.
func TestAnAbsurdTagIsNotKept(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		for _, tag := range []string{`"` + strings.Repeat("x", 100_000) + `"`, `"` + strings.Repeat("x", 300) + `"`, "\"tab\there\"", "\"h\xffigh\""} {
			w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
			remove := w.Inject(devserver.Fault{Match: func(r *http.Request) bool { return r.Method == "GET" }, Header: http.Header{"Etag": {tag}}})
			f := w.fetch(t, dev)
			remove()
			require.Less(t, len(f.Revision), 10, "%.20q", tag)
			require.Empty(t, sentTags(t.Context(), t, w, f))
		}
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
		f := w.fetch(t, dev)
		require.Len(t, sentTags(t.Context(), t, w, f), 2)
	})
}

// "Not modified" is believed of what carries the tag that was sent, and of nothing
// else: then the whole answer is asked for.
func TestNotModifiedOfSomethingElse(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		for tag, believed := range map[string]bool{"": true, "same": true, "weak": true, "marked": true, `"another"`: false} {
			w := newWorld(t, devserver.Config{Profile: profile}, "viewer", nil)
			f := w.fetch(t, dev)
			w.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", "GREETING", "changed") })
			header := http.Header{}
			own := strings.Split(f.Revision, "\n")[0]
			switch tag {
			case "":
			case "same":
				header.Set("Etag", own)
			case "marked": // by Apache's mod_deflate
				header.Set("Etag", strings.TrimSuffix(own, `"`)+`-gzip"`)
			case "weak":
				header.Set("Etag", "W/"+own)
			default:
				header.Set("Etag", tag)
			}
			w.Inject(devserver.Fault{Match: isConditional, Status: 304, Header: header})
			got, err := w.client.Fetch(t.Context(), dev, f)
			require.NoError(t, err)
			want := "changed"
			if believed {
				want = "hello, world"
			}
			require.Equal(t, want, value(t, got, "GREETING"), "%q", tag)
		}
	})
}

func isConditional(r *http.Request) bool { return isSecrets(r) && r.Header.Get("If-None-Match") != "" }

// Beyond what a folder may hold it is an error that says how much that is, and a
// bulk answer is none: each folder by itself may be small enough.
func TestMoreSecretsThanAllowed(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile}, "viewer", func(c *client.Config) { c.MaxSecrets = 20 })
		w.edit(t, func(e *devserver.Editor) error {
			for i := range 15 {
				if err := e.Set("demo", "dev", "/payments", fmt.Sprintf("KEY_%02d", i), "v"); err != nil {
					return err
				}
			}
			return nil
		})
		w.fetch(t, dev)
		w.fetch(t, payments)
		_, err := w.client.Tree(t.Context(), dev, nil)
		require.ErrorIs(t, err, secret.ErrInexact)

		w.edit(t, func(e *devserver.Editor) error {
			for i := range 21 {
				if err := e.Set("demo", "dev", "/payments", fmt.Sprintf("KEY_%02d", i), "v"); err != nil {
					return err
				}
			}
			return nil
		})
		_, err = w.client.Fetch(t.Context(), payments, nil)
		require.ErrorIs(t, err, secret.ErrTooLarge)
		require.ErrorContains(t, err, "more than 20 secrets (--max-secrets)")
		require.NotErrorIs(t, err, secret.ErrUnavailable)
		w.fetch(t, dev)
	})
}
