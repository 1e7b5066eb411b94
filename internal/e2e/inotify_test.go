package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// post is a place to watch from: a mount of demo/dev.
type post struct {
	*world
	*mounted
}

func newPost(t *testing.T, profile devserver.Profile, flags ...string) *post {
	t.Helper()
	w := newWorld(t, devserver.Config{Profile: profile})
	return &post{w, w.mount(t, "admin", append([]string{"--project", "demo", "--env", "dev", "--path", "/"}, flags...)...)}
}

// others makes changes behind the mount's back, and has it notice.
func (p *post) others(t *testing.T, do func(*devserver.Editor) error) {
	t.Helper()
	p.edit(t, do)
	p.notice(t)
}

// notice makes the mount look at the server.
func (p *post) notice(t *testing.T) {
	t.Helper()
	p.refresh(t)
	_, err := os.ReadDir(p.dir)
	require.NoError(t, err)
}

func set(name, value string) func(*devserver.Editor) error {
	return func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", name, value) }
}

// eachPost runs test on read-only and writable mounts of both generations.
func eachPost(t *testing.T, test func(t *testing.T, p *post)) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		for name, flag := range map[string]string{"read-only": "--read-only", "writable": "--read-only=false"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, newPost(t, profile, flag))
			})
		}
	})
}

// What others do on the server is heard as if it had been done here.
func TestWatchersHearOfChanges(t *testing.T) {
	eachPost(t, func(t *testing.T, p *post) {
		greeting := p.path("GREETING")
		_, err := os.ReadDir(p.dir)
		require.NoError(t, err)
		w := newWatcher(t, p.dir, greeting)

		p.others(t, set("GREETING", "changed"))
		w.hears(t, p.dir, "GREETING", "MODIFY", "ATTRIB", "CLOSE_WRITE")
		w.hears(t, greeting, ".", "MODIFY", "ATTRIB", "CLOSE_WRITE")
		require.Equal(t, "changed", sh(t, p.dir, "cat GREETING"))

		p.others(t, set("NEW", "x"))
		w.hears(t, p.dir, "NEW", "CREATE", "CLOSE_WRITE")
		require.Equal(t, "x", sh(t, p.dir, "cat NEW"))

		p.others(t, func(e *devserver.Editor) error { return e.Delete("demo", "dev", "/", "GREETING") })
		w.hears(t, p.dir, "GREETING", "DELETE")
		w.hears(t, greeting, ".", "DELETE_SELF")
		require.NoFileExists(t, greeting)

		p.others(t, func(e *devserver.Editor) error { return e.Mkdir("demo", "dev", "/jobs") })
		w.hears(t, p.dir, "jobs", "CREATE|ISDIR")
		require.DirExists(t, p.path("jobs"))
		inside := newWatcher(t, p.path("jobs"))

		p.others(t, func(e *devserver.Editor) error { return e.Rmdir("demo", "dev", "/jobs") })
		w.hears(t, p.dir, "jobs", "DELETE|ISDIR")
		inside.hears(t, p.path("jobs"), ".", "DELETE_SELF")
		require.NoDirExists(t, p.path("jobs"))
		require.Zero(t, p.notifyStatus(t).Failed)
	})
}

type notifyStatus struct {
	Mode, Reason, Error string
	InForce             string `json:"in_force"`
	Told, Failed        int
}

func (m *mounted) notifyStatus(t *testing.T) notifyStatus {
	t.Helper()
	text, err := os.ReadFile(m.path(".infisicalfs", "status"))
	require.NoError(t, err)
	var s struct{ FS struct{ Notify notifyStatus } }
	require.NoError(t, json.Unmarshal(text, &s))
	return s.FS.Notify
}

var _ = strings.Contains
var _ = filepath.Join
