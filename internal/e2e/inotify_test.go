package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

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

// Who watches a bind mount, or is in another mount namespace, watches the same
// files.
func TestWatchersElsewhereHear(t *testing.T) {
	needRoot(t)
	p := newPost(t, devserver.Current, "--read-only", "--allow-other")
	_, err := os.ReadDir(p.dir)
	require.NoError(t, err)
	bind, other := filepath.Join(p.tmp, "bind"), filepath.Join(p.tmp, "other")
	require.NoError(t, os.Mkdir(bind, 0o755))
	require.NoError(t, os.Mkdir(other, 0o755))
	require.NoError(t, unix.Mount(p.dir, bind, "", unix.MS_BIND, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(bind, 0)) })
	require.NoError(t, unix.Mount("", bind, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""))
	w := newWatcher(t, bind, filepath.Join(bind, "GREETING"))

	// A namespace with a bind mount of its own. It ends with its shell, which
	// ends with its input.
	shell := exec.Command("unshare", "-m", "--propagation", "private", "sh", "-c",
		`umount "$1" && mount --bind -o ro "$2" "$3" && umount "$2" && echo "$3" && read -r line`, "sh", bind, p.dir, other)
	in, err := shell.StdinPipe()
	require.NoError(t, err)
	out, err := shell.StdoutPipe()
	require.NoError(t, err)
	shell.Stderr = os.Stderr
	require.NoError(t, shell.Start())
	t.Cleanup(func() { in.Close(); shell.Wait() })
	_, err = out.Read(make([]byte, 1))
	require.NoError(t, err)
	there := fmt.Sprintf("/proc/%d/root%s", shell.Process.Pid, other)
	require.NotEmpty(t, sh(t, there, "ls"))
	elsewhere := newWatcher(t, there)

	p.others(t, set("GREETING", "changed"))
	p.others(t, set("NEW", "x"))
	p.others(t, func(e *devserver.Editor) error { return e.Delete("demo", "dev", "/", "EMPTY") })
	w.hears(t, filepath.Join(bind, "GREETING"), ".", "MODIFY", "ATTRIB", "CLOSE_WRITE")
	for path, w := range map[string]*watcher{bind: w, there: elsewhere} {
		w.hears(t, path, "GREETING", "MODIFY", "ATTRIB", "CLOSE_WRITE")
		w.hears(t, path, "NEW", "CREATE", "CLOSE_WRITE")
		w.hears(t, path, "EMPTY", "DELETE")
	}
}

// needRoot skips where nobody may mount directly, unless that is not accepted.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("REQUIRE_FUSE") != "" {
		t.Fatal("REQUIRE_FUSE is set and this is not root")
	}
	t.Skip("not root")
}

// Telling watchers costs no request, and changes nothing on the server.
func TestTellingWatchersAsksNothing(t *testing.T) {
	each(t, func(t *testing.T, profile devserver.Profile) {
		w := newWorld(t, devserver.Config{Profile: profile})
		asked := func(mode string) (requests []string) {
			m := w.mount(t, "admin", "--project", "demo", "--env", "dev", "--path", "/", "--notify", mode)
			p := &post{w, m}
			require.Equal(t, mode, m.notifyStatus(t).InForce)
			_, err := os.ReadDir(m.dir)
			require.NoError(t, err)
			w.ResetRequests()
			p.others(t, func(e *devserver.Editor) error {
				return errors.Join(e.Set("demo", "dev", "/", "GREETING", "by "+mode), e.Set("demo", "dev", "/", "NEW-"+mode, "x"),
					e.Delete("demo", "dev", "/", "EMPTY"), e.Mkdir("demo", "dev", "/"+mode))
			})
			if mode == "full" {
				require.Eventually(t, func() bool { return m.notifyStatus(t).Told == 4 }, 10*time.Second, 10*time.Millisecond)
			}
			for _, r := range w.Requests() {
				requests = append(requests, r.Method+" "+r.Route)
			}
			require.Zero(t, m.notifyStatus(t).Failed)
			m.unmount(t)
			w.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", "EMPTY", "") })
			return requests
		}
		require.ElementsMatch(t, asked("off"), asked("full"))
	})
}

// An answer that says the same is no event, and neither is what is done here.
func TestWatchersHearNothingElse(t *testing.T) {
	eachPost(t, func(t *testing.T, p *post) {
		_, err := os.ReadDir(p.dir)
		require.NoError(t, err)
		w := newWatcher(t, p.dir)
		p.notice(t)
		p.notice(t)
		var mine []string
		if os.WriteFile(p.path("EMPTY"), []byte("mine"), 0) == nil {
			mine = []string{"MODIFY EMPTY in " + filepath.Base(p.dir), "CLOSE_WRITE EMPTY in " + filepath.Base(p.dir)}
			p.notice(t)
		}
		p.others(t, set("GREETING", "changed")) // the end of it
		w.hears(t, p.dir, "GREETING", "CLOSE_WRITE")
		require.Equal(t, mine, w.said(t, "EMPTY"))
		require.Len(t, w.heard, 3+len(mine), "%v", w.heard)
	})
}

func TestNotifyModes(t *testing.T) {
	for mode, want := range map[string][]string{
		"off":    nil,
		"attrib": {"MODIFY GREETING", "ATTRIB GREETING"},
		"full":   {"MODIFY GREETING", "ATTRIB GREETING", "CLOSE_WRITE GREETING"},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			p := newPost(t, devserver.Current, "--notify", mode)
			_, err := os.ReadDir(p.dir)
			require.NoError(t, err)
			w := newWatcher(t, p.dir)
			p.others(t, set("GREETING", "changed"))
			require.Eventually(t, func() bool {
				text, err := os.ReadFile(p.path("GREETING"))
				return err == nil && string(text) == "changed" && (mode == "off" || p.notifyStatus(t).Told == 1)
			}, 10*time.Second, 10*time.Millisecond)
			for i := range want {
				want[i] += " in " + filepath.Base(p.dir)
			}
			require.Equal(t, want, w.said(t, "GREETING"))
			require.Equal(t, mode, p.notifyStatus(t).InForce)
		})
	}
}

// With one processor the thread that emits events and those that answer it take turns.
func TestWatchersHearWithOneProcessor(t *testing.T) {
	t.Setenv("GOMAXPROCS", "1")
	p := newPost(t, devserver.Current)
	_, err := os.ReadDir(p.dir)
	require.NoError(t, err)
	w := newWatcher(t, p.dir)
	for i := range 20 {
		p.others(t, set(fmt.Sprint("KEY_", i), "x"))
	}
	for i := range 20 {
		w.hears(t, p.dir, fmt.Sprint("KEY_", i), "CREATE", "CLOSE_WRITE")
	}
}
