package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// The mounts of these tests give up after a second, and after 300 ms if there is
// a stale answer; an operation may take a few of them.
var impatient = []string{"--timeout=1s", "--soft-deadline=300ms", "--rate-wait=1s", "--ttl=1h", "--max-stale=1h"}

const bound = 8 * time.Second

// faults are what can happen to an answer. denial: the server knows and refuses.
var faults = []struct {
	name   string
	fault  devserver.Fault
	denial bool
}{
	{"hang", devserver.Fault{Hang: true}, false},
	{"slow", devserver.Fault{Delay: 3 * time.Second}, false},
	{"reset", devserver.Fault{Reset: true}, false},
	{"truncated", devserver.Fault{Truncate: 20}, false},
	{"garbage", devserver.Fault{Status: 200, Body: `{"secrets":[{`}, false},
	{"page", devserver.Fault{Status: 404, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>no such page</html>"}, false},
	{"500", devserver.Fault{Status: 500, Body: `{"error":"InternalServerError","message":"Something went wrong"}`}, false},
	{"502", devserver.Fault{Status: 502, Body: "bad gateway"}, false},
	{"503", devserver.Fault{Status: 503, Body: `{"message":"Server is starting up"}`}, false},
	{"429", devserver.Fault{Status: 429, Header: http.Header{"Retry-After": {"3"}}, Body: `{"error":"RateLimitExceeded"}`}, false},
	{"500 limit", devserver.Fault{Status: 500, Header: http.Header{"Retry-After": {"3"}}, Body: `{"error":"InternalServerError"}`}, false},
	{"denied", devserver.Fault{Match: notLogin, Status: 403, Body: `{"error":"PermissionDenied","message":"You are not allowed to read on secrets"}`}, true},
	{"token", devserver.Fault{Match: notLogin, Status: 403, Body: `{"error":"TokenError","message":"Your token has expired. Please re-authenticate."}`}, true},
}

func notLogin(r *http.Request) bool { return !strings.Contains(r.URL.Path, "/auth/") }

// operations are what programs do with a secret and the folder it is in.
var operations = []struct {
	name string
	do   func(m *mounted, folder string, open *os.File) (value string, err error)
}{
	{"lookup", func(m *mounted, folder string, _ *os.File) (string, error) {
		_, err := os.Lstat(m.path(folder, "KEY"))
		return "", err
	}},
	{"readdir", func(m *mounted, folder string, _ *os.File) (string, error) {
		list, err := os.ReadDir(m.path(folder))
		if err == nil && len(list) != 1 {
			err = fmt.Errorf("%d entries", len(list))
		}
		return "", err
	}},
	{"open", func(m *mounted, folder string, _ *os.File) (string, error) {
		text, err := os.ReadFile(m.path(folder, "KEY"))
		return string(text), err
	}},
	{"read", func(_ *mounted, _ string, open *os.File) (string, error) {
		text := make([]byte, 100)
		n, err := open.ReadAt(text, 0)
		if n > 0 {
			err = nil
		}
		return string(text[:n]), err
	}},
	{"getattr", func(m *mounted, folder string, open *os.File) (string, error) {
		_, err := open.Stat()
		return "", err
	}},
}

// Every fault, in every state of the cache, under every operation: it ends in
// time, it is never "no such file", and after a denial there is no value.
func TestFaultMatrix(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		for _, f := range faults {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, devserver.Config{Profile: profile})
				w.edit(t, func(e *devserver.Editor) error {
					for _, state := range []string{"cold", "fresh", "stale"} {
						for _, op := range operations {
							path := "/" + state + "-" + op.name
							if err := errors.Join(e.Mkdir("demo", "prod", path), e.Set("demo", "prod", path, "KEY", "value of "+path)); err != nil {
								return err
							}
						}
					}
					// An import keeps the bulk answer from warming what shall be cold.
					return e.Import("demo", "prod", "/", "dev", "/payments")
				})
				flags := impatient
				if f.denial { // a verdict, which must not lose against the soft deadline on a slow machine
					flags = append(slices.Clone(impatient), "--soft-deadline=1m")
				}
				m := w.mount(t, "viewer", flags...)
				prod := m.path("demo", "prod")
				_, err := os.ReadDir(prod)
				require.NoError(t, err)

				open := map[string]*os.File{}
				for _, op := range operations {
					folder := "demo/prod/stale-" + op.name
					file, err := os.Open(m.path(folder, "KEY"))
					require.NoError(t, err)
					defer file.Close()
					open[folder] = file
				}
				m.refresh(t)
				_, err = os.ReadDir(prod) // what is cold hangs on it
				require.NoError(t, err)
				for _, op := range operations {
					folder := "demo/prod/fresh-" + op.name
					file, err := os.Open(m.path(folder, "KEY"))
					require.NoError(t, err)
					defer file.Close()
					open[folder] = file
				}
				remove := w.Inject(f.fault)
				defer remove()

				for _, state := range []string{"fresh", "stale", "cold"} {
					for _, op := range operations {
						folder := "demo/prod/" + state + "-" + op.name
						if state == "cold" && open[folder] == nil && (op.name == "read" || op.name == "getattr") {
							continue // nothing can be open in a folder that nobody has seen
						}
						if f.denial && state == "stale" {
							os.ReadFile(m.path(folder, "KEY")) // so that the denial is known
						}
						what := state + " " + op.name
						within(t, bound, what, func() {
							value, err := op.do(m, folder, open[folder])
							judge(t, what, f.denial, state, value, err, "value of /"+state+"-"+op.name)
						})
					}
				}
				remove()
				require.Eventually(t, func() bool {
					m.refresh(t)
					text, err := os.ReadFile(m.path("demo/prod/cold-open/KEY"))
					return err == nil && string(text) == "value of /cold-open"
				}, 40*time.Second, 200*time.Millisecond, "recovers by itself")
			})
		}
	})
}

// judge holds an outcome to what was promised.
func judge(t *testing.T, what string, denial bool, state, value string, err error, want string) {
	t.Helper()
	if errors.Is(err, syscall.ENOENT) {
		t.Errorf("%s: the server did not say that it does not exist", what)
	}
	if value != "" && value != want {
		t.Errorf("%s: got %q", what, value)
	}
	op := what[strings.IndexByte(what, ' ')+1:]
	switch {
	case state == "fresh":
		if err != nil && !denial {
			t.Errorf("%s: %v, although it is fresh", what, err)
		}
	case state == "stale" && !denial:
		if err != nil {
			t.Errorf("%s: %v, although there is a stale answer", what, err)
		}
	case state == "stale" && (op == "open" || op == "read"):
		if value != "" || err == nil {
			t.Errorf("%s: a value after a denial", what)
		}
	case state == "cold" && err == nil && op != "getattr":
		t.Errorf("%s: no error, although nobody could know", what)
	}
	if denial && err != nil && !errors.Is(err, syscall.EACCES) {
		t.Errorf("%s: %v instead of permission denied", what, err)
	}
}
