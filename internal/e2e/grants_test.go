package e2e

import (
	"errors"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// granting is a world where the viewer may do nothing in the project but what it is granted
// in single folders.
func granting(t *testing.T, cfg devserver.Config, grant func(*devserver.Editor) error) *world {
	w := newWorld(t, cfg)
	w.edit(t, func(e *devserver.Editor) error {
		return errors.Join(
			e.Mkdir("demo", "dev", "/a/b"), e.Set("demo", "dev", "/a/b", "KEY", "yes"),
			e.Mkdir("demo", "dev", "/a/c"), e.Set("demo", "dev", "/a/c", "OTHER", "too"),
			e.Set("demo", "dev", "/a", "ABOVE", "no"),
			e.Grant("viewer", "demo", "no-access"), grant(e))
	})
	return w
}

// grant gives the viewer a role in a folder of the environment dev.
func grant(path string, role devserver.FolderRole, until time.Time) func(*devserver.Editor) error {
	return func(e *devserver.Editor) error { return e.GrantFolder("viewer", "demo", "dev", path, role, until) }
}

// requestsFor counts the requests that are about a folder of that path.
func requestsFor(w *world, path string) (n int) {
	for _, r := range w.Requests() {
		if r.Query.Get("secretPath") == path || r.Query.Get("path") == path {
			n++
		}
	}
	return n
}

// A folder is reached by its path, although nothing may be known of those above: neither their
// secrets nor, where a server is as strict, which folders are in them.
func TestAFolderIsReachedBelowRefusedOnes(t *testing.T) {
	for name, lists := range map[string]bool{"its parents list folders": true, "its parents list nothing": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := granting(t, devserver.Config{}, grant("/a/b", devserver.FolderRead, time.Time{}))
			if !lists {
				w.Inject(devserver.Fault{Status: 403, Body: `{"statusCode":403,"error":"PermissionDenied","message":"x"}`, Match: func(r *http.Request) bool {
					return r.URL.Path == "/api/v2/folders" && r.URL.Query().Get("path") != "/a/b"
				}})
			}
			m := w.mount(t, "viewer", "--ttl=1h", "--soft-deadline=1m")
			for range 2 { // the second time from memory
				text, err := read(m, "demo/dev/a/b/KEY")
				require.NoError(t, err)
				require.Equal(t, "yes", text)
				for _, refused := range []string{"demo/dev", "demo/dev/a"} {
					_, err = os.ReadDir(m.path(refused))
					require.ErrorIs(t, err, syscall.EACCES, refused)
				}
				for _, name := range []string{"ABOVE", "NOTHING", ".env"} {
					_, err = os.Stat(m.path("demo/dev/a/" + name))
					require.ErrorIs(t, err, syscall.EACCES, "nobody said that it does not exist")
				}
				_, err = os.Stat(m.path("demo/dev/a/b/NOTHING"))
				require.ErrorIs(t, err, syscall.ENOENT)
				_, err = read(m, "demo/dev/a/c/OTHER")
				require.ErrorIs(t, err, syscall.EACCES)
				names, err := os.ReadDir(m.path("demo/dev/a/b"))
				require.NoError(t, err)
				require.Len(t, names, 1)
			}

			// What is granted while the mount is looked at is there when the refusal is forgotten.
			w.edit(t, grant("/a/c", devserver.FolderRead, time.Time{}))
			m.refresh(t)
			if lists {
				text, err := read(m, "demo/dev/a/c/OTHER")
				require.NoError(t, err)
				require.Equal(t, "too", text)
			}
		})
	}
}

// Names without values: they are listed, and each value is refused, in whatever form it is
// asked for.
func TestNamesWithoutValues(t *testing.T) {
	for _, profile := range []devserver.Profile{devserver.Current, devserver.CurrentGo} {
		t.Run(string(profile), func(t *testing.T) {
			t.Parallel()
			w := granting(t, devserver.Config{Profile: profile}, grant("/a/b", devserver.FolderList, time.Time{}))
			w.edit(t, grant("/a/c", devserver.FolderRead, time.Time{}))
			m := w.mount(t, "viewer", "--ttl=1h", "--soft-deadline=1m")
			names, err := os.ReadDir(m.path("demo/dev/a/b"))
			require.NoError(t, err)
			require.Len(t, names, 1)
			info, err := os.Stat(m.path("demo/dev/a/b/KEY"))
			require.NoError(t, err)
			require.Zero(t, info.Size())
			w.ResetRequests()
			for range 5 {
				_, err = read(m, "demo/dev/a/b/KEY")
				require.ErrorIs(t, err, syscall.EACCES)
				for _, view := range []string{".env", ".secrets.json"} {
					_, err = read(m, "demo/dev/a/b/"+view)
					require.ErrorIs(t, err, syscall.EACCES, view)
				}
			}
			require.Zero(t, requestsFor(w, "/a/b"), "what is refused is known until the time of the folder is up")
			text, err := read(m, "demo/dev/a/c/.env")
			require.NoError(t, err, "another folder is not concerned")
			require.Equal(t, "OTHER='too'\n", text)
			require.Contains(t, m.status(t).FS.LastViewError, "KEY", "it says which secret is at fault")

			w.edit(t, grant("/a/b", devserver.FolderRead, time.Time{}))
			m.refresh(t)
			require.Eventually(t, func() bool { text, err = read(m, "demo/dev/a/b/KEY"); return err == nil }, 10*time.Second, 10*time.Millisecond)
			require.Equal(t, "yes", text)
		})
	}
}

// A right ends by the clock: with the next answer nothing of that folder is shown any longer,
// also through files that are open, and other folders are as before. It may come back.
func TestARightThatEndsByTheClock(t *testing.T) {
	for _, profile := range []devserver.Profile{devserver.Current, devserver.CurrentGo} {
		t.Run(string(profile), func(t *testing.T) {
			t.Parallel()
			w := granting(t, devserver.Config{Profile: profile}, grant("/a/c", devserver.FolderRead, time.Time{}))
			end := time.Now().Add(time.Hour)
			w.edit(t, grant("/a/b", devserver.FolderRead, end))
			m := w.mount(t, "viewer", "--ttl=300ms", "--soft-deadline=1m")
			key, other := m.path("demo/dev/a/b/KEY"), m.path("demo/dev/a/c/OTHER")
			open, err := os.Open(key)
			require.NoError(t, err)
			defer open.Close()
			untouched, err := os.Open(other)
			require.NoError(t, err)
			defer untouched.Close()
			buf := make([]byte, 3)
			_, err = open.ReadAt(buf, 0)
			require.NoError(t, err)

			w.edit(t, grant("/a/b", devserver.FolderRead, time.Now().Add(-time.Second))) // the time is up
			require.Eventually(t, func() bool { _, err = os.ReadFile(key); return errors.Is(err, syscall.EACCES) }, 20*time.Second, 10*time.Millisecond)
			_, err = open.ReadAt(buf, 0)
			require.ErrorIs(t, err, syscall.EACCES)
			_, err = os.Stat(key)
			require.ErrorIs(t, err, syscall.EACCES)
			_, err = os.ReadDir(m.path("demo/dev/a/b"))
			require.ErrorIs(t, err, syscall.EACCES)
			_, err = untouched.ReadAt(buf, 0)
			require.NoError(t, err)
			require.Equal(t, "too", string(buf))
			_, err = os.ReadFile(other)
			require.NoError(t, err)

			w.edit(t, grant("/a/b", devserver.FolderRead, end))
			require.Eventually(t, func() bool { _, err = os.ReadFile(key); return err == nil }, 20*time.Second, 10*time.Millisecond)
		})
	}
}
