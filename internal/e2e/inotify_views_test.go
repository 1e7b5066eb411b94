package e2e

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// times returns how often something was said of the watched path itself.
func (w *watcher) times(path, kind string) (n int) {
	for _, e := range w.heard {
		if e == (event{kind, ".", path}) {
			n++
		}
	}
	return n
}

// awaits waits until something was said so often of the watched paths themselves.
func (w *watcher) awaits(t *testing.T, what string, times int, kind string, paths ...string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for slices.ContainsFunc(paths, func(path string) bool { return w.times(path, kind) < times }) {
		require.True(t, time.Now().Before(deadline), "%s: %v", what, w.heard)
		w.listen(t, time.Second)
	}
}

// Who watches a view hears once of each change of what it shows, wherever that comes from, and
// also after another process serves the mount. Who watches the directory hears nothing of views.
func TestWatchersOfViewsHear(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		flags := []string{"--project", "demo", "--env", "dev", "--path", "/", "--ttl", "1h"}
		w := newWorld(t, devserver.Config{Profile: profile})
		p := &post{w, w.mount(t, "admin", flags...)}
		names := []string{".env", ".env.sh", ".secrets.yaml"}
		views := []string{}
		for _, name := range names {
			views = append(views, p.path(name))
			_, err := os.ReadFile(p.path(name))
			require.NoError(t, err)
		}
		_, err := os.ReadDir(p.dir)
		require.NoError(t, err)
		heard, above := newWatcher(t, views...), newWatcher(t, p.dir)
		changes := []struct {
			what string
			do   func(*devserver.Editor) error
		}{
			{"a value", set("GREETING", "changed")},
			{"a new name", set("NEW", "x")},
			{"a name that went", func(e *devserver.Editor) error { return e.Delete("demo", "dev", "/", "NEW") }},
			{"an import", func(e *devserver.Editor) error { return e.Import("demo", "dev", "/", "staging", "/") }},
			{"a value of an import", func(e *devserver.Editor) error {
				return e.Set("demo", "staging", "/", "STRIPE_KEY", "not-a-real-key-2")
			}},
			{"what is referred to", func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", "DB_HOST", "other.example.invalid") }},
			{"what no view can hold", set("GREETING", "a\x00b")},
			{"what it can hold again", set("GREETING", "hello")},
		}
		for i, c := range changes {
			p.others(t, c.do)
			heard.awaits(t, c.what, i+1, "CLOSE_WRITE", views...)
		}
		replace := exec.Command(program, append(append([]string{"mount", "--replace", "--log-file", p.log}, flags...), p.dir)...)
		replace.Env = w.environ("admin")
		out, err := replace.CombinedOutput()
		require.NoError(t, err, "%s", out)
		p.pid = p.status(t).PID
		p.notice(t)
		p.others(t, set("GREETING", "after it"))
		heard.awaits(t, "after another process serves", len(changes)+1, "CLOSE_WRITE", views...)

		require.Equal(t, "after it", sh(t, p.dir, `. ./.env.sh && printf %s "$GREETING"`))
		heard.said(t)
		for _, path := range views {
			for _, kind := range []string{"MODIFY", "CLOSE_WRITE"} {
				require.Equal(t, len(changes)+1, heard.times(path, kind), "%s of %s: %v", kind, path, heard.heard)
			}
		}
		above.said(t)
		for _, e := range above.heard {
			require.False(t, slices.Contains(names, e.name) || strings.HasPrefix(e.name, ".infisicalfs"), "%v", e)
		}
		require.Zero(t, p.notifyStatus(t).Failed, p.notifyStatus(t).Error)
	})
}
