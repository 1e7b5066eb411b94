package integration

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

var prod = secret.Dir{Project: "demo", Env: "prod", Path: "/"}

// world is a server, a client of it, a cache over that, and the changes so far.
type world struct {
	*testing.T
	*devserver.Server
	cache *cache.Cache
	dirs  []secret.Dir // a hundred below prod, each with a KEY

	mu      sync.Mutex // guards notices
	notices []told
}

// told is a change that OnChange was told, and when.
type told struct {
	secret.Change
	at time.Time
}

// play runs test in a bubble. wrap, if given, stands between client and server.
func play(t *testing.T, server devserver.Config, cfg cache.Config, wrap func(http.RoundTripper) http.RoundTripper, test func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := devserver.New(server)
		require.NoError(t, err)
		defer s.Close()
		w := &world{T: t, Server: s}
		w.edit(func(e *devserver.Editor) error {
			for i := range 100 {
				dir := prod.Child(fmt.Sprintf("folder-%02d", i))
				w.dirs = append(w.dirs, dir)
				if err := e.Mkdir("demo", "prod", dir.Path); err != nil {
					return err
				}
				if err := e.Set("demo", "prod", dir.Path, "KEY", "first"); err != nil {
					return err
				}
			}
			return nil
		})
		c := w.join(wrap)
		defer c.Close()
		cfg.OnChange = func(change secret.Change) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.notices = append(w.notices, told{change, time.Now()})
		}
		w.cache = cache.New(c, cfg)
		defer w.cache.Close()
		test(w)
	})
}

// join returns a client of the server.
func (w *world) join(wrap func(http.RoundTripper) http.RoundTripper) *client.Client {
	who := w.Credentials("viewer")
	transport := devserver.Transport(w.Server)
	if wrap != nil {
		transport = wrap(transport)
	}
	c, err := client.New(client.Config{
		URL:          "http://127.0.0.1:1",
		Auth:         client.UniversalAuth(who.ClientID, secret.NewValue(who.ClientSecret)),
		Organization: who.OrganizationID,
		Transport:    transport,
	})
	require.NoError(w, err)
	return c
}

func (w *world) edit(change func(*devserver.Editor) error) {
	w.Helper()
	require.NoError(w, w.Edit(change))
}

func (w *world) set(dir secret.Dir, value string) {
	w.Helper()
	w.edit(func(e *devserver.Editor) error { return e.Set(dir.Project, dir.Env, dir.Path, "KEY", value) })
}

// use has a caller look at the folders.
func (w *world) use(dirs ...secret.Dir) {
	w.Helper()
	for _, dir := range dirs {
		_, err := w.cache.Folder(w.Context(), dir, secret.NeedEntry)
		require.NoError(w, err)
	}
}

// asked counts the requests for secrets and folders while do runs.
func (w *world) asked(do func()) int {
	synctest.Wait()
	w.ResetRequests()
	do()
	synctest.Wait()
	n := 0
	for _, r := range w.Requests() {
		if strings.Contains(r.Path, "/secrets") || strings.Contains(r.Path, "/folders") {
			n++
		}
	}
	return n
}

// changes returns the changes so far, and forgets them.
func (w *world) changes() []told {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	changes := w.notices
	w.notices = nil
	return changes
}

// meddler is a RoundTripper that changes answers.
type meddler struct {
	next   http.RoundTripper
	meddle func(req *http.Request, answer *http.Response, body []byte) []byte
}

func (m meddler) RoundTrip(req *http.Request) (*http.Response, error) {
	answer, err := m.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	body = m.meddle(req, answer, body)
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer.Header.Del("Content-Length")
	return answer, nil
}
