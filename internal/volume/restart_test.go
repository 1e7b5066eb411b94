//go:build linux

package volume

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/systemd/systemdtest"
)

// reader stands for a container: a shell in a namespace of its own that has bound a volume, and reads a
// secret whenever it is asked.
type reader struct {
	ask func() string
}

func (w *world) reader(point string) reader {
	w.Helper()
	into := w.TempDir()
	cmd := exec.Command("unshare", "--mount", "--propagation", "slave", "sh", "-c",
		`mount --bind "$0" "$1" && mount --make-rslave "$1" && while read -r line; do echo "$(cat "$1/GREETING" 2>&1)"; done`, point, into)
	in, err := cmd.StdinPipe()
	require.NoError(w, err)
	out, err := cmd.StdoutPipe()
	require.NoError(w, err)
	require.NoError(w, cmd.Start())
	w.Cleanup(func() { in.Close(); cmd.Wait() })
	lines := bufio.NewScanner(out)
	r := reader{func() string {
		fmt.Fprintln(in)
		lines.Scan()
		return lines.Text()
	}}
	require.Equal(w, "hello, world", r.ask())
	return r
}

// readsOn wants the reader to read again, before long.
func (w *world) readsOn(r reader, text string) {
	w.Helper()
	require.Eventually(w, func() bool { return r.ask() == text }, 20*time.Second, 10*time.Millisecond)
}

// A container that has bound a volume reads on after a restart of the service, with a server
// that is away, too.
func TestRestart(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	point := w.mounted(m, "app", dev())
	require.NoError(t, m.Create("idle", dev()))
	r := w.reader(point)
	require.NoError(t, m.Close())
	require.NoError(t, m.Close())
	require.Contains(t, r.ask(), "not connected")
	_, err := m.Mount(t.Context(), "app", "id")
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, m.Create("late", dev()), ErrClosed)

	heal := w.Inject(devserver.Fault{Status: 503, Body: "{}"})
	m = w.open()
	require.Equal(t, []string{"app"}, w.live())
	require.NotContains(t, r.ask(), "No such file", "an outage is no absence")
	heal()
	w.readsOn(r, "hello, world")
	require.Len(t, m.List(), 2)
	require.NoError(t, m.Unmount(t.Context(), "app", "id"))
	require.Empty(t, w.live())
}

// Killed between any two calls, and in any of them, the service comes back with what it
// has promised, and with nothing that it was told to give up.
func TestKilled(t *testing.T) {
	t.Run("alone", func(t *testing.T) {
		w := newWorld(t)
		killed(w, func() *service { return w.start() })
	})
	t.Run("with a service manager", func(t *testing.T) { // which keeps what is mounted
		w := newWorld(t)
		u := &unit{world: w, Manager: systemdtest.New(t)}
		killed(w, func() *service { u.start(); return u.now })
	})
}

func killed(w *world, start func() *service) {
	t := w.T
	s := start()
	for _, line := range []string{"create kept", "mount kept reader", "create app"} {
		s.ask(line)
		require.Equal(t, "done <nil>", s.answer())
	}
	r := w.reader(w.base + "/kept")
	promised := func() map[string]int { // users by volume, as the file says
		text, err := os.ReadFile(filepath.Join(w.state, stateName))
		require.NoError(t, err)
		var st state
		require.NoError(t, json.Unmarshal(text, &st))
		users := map[string]int{}
		for _, v := range st.Volumes {
			users[v.Name] = len(v.Users)
		}
		return users
	}
	for _, step := range []struct {
		call  string
		users int // of app afterwards; -1: there is no such volume
	}{{"mount app a", 1}, {"mount app b", 2}, {"unmount app a", 1}, {"unmount app b", 0}, {"remove app", -1}, {"create app", 0}} {
		for _, wait := range []time.Duration{0, 3 * time.Millisecond, -1} { // after the request; -1: after the answer
			s.ask(step.call)
			if wait < 0 {
				require.Contains(t, s.answer(), "done", step.call)
			}
			time.Sleep(max(wait, 0))
			s.kill()
			before := promised()
			s = start()
			require.Equal(t, before, promised())
			if users, there := before["app"]; wait < 0 {
				require.Equal(t, step.users >= 0, there, step.call)
				require.Equal(t, max(step.users, 0), users, step.call)
			}
			want := []string{"kept"}
			if before["app"] > 0 {
				want = append(want, "app")
				w.reads(w.base+"/app/GREETING", "hello, world")
			}
			require.ElementsMatch(t, want, w.live(), step.call)
			w.readsOn(r, "hello, world")
		}
	}
}

// A state file that cannot be believed is an error, and no mount is touched.
func TestBadState(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.mounted(m, "app", dev())
	require.NoError(t, m.Close())
	path := filepath.Join(w.state, stateName)
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, string(good), w.Credentials("admin").ClientSecret)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	for name, text := range map[string]string{
		"empty": "", "cut": string(good[:len(good)/2]), "cut at the end": strings.TrimSuffix(strings.TrimSpace(string(good)), "}"),
		"later":        strings.Replace(string(good), `"version":1`, `"version":2,"more":[]`, 1),
		"none":         `{}`,
		"more":         string(good) + "{}",
		"unknown":      strings.Replace(string(good), `"created"`, `"colour":"blue","created"`, 1),
		"another path": strings.Replace(string(good), `"app"`, `"../app"`, 1),
		"list":         "[]",
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := Open(t.Context(), w.config())
		require.Error(t, err, name)
		require.Equal(t, exitcode.Config, exitcode.Of(err), name)
		require.Equal(t, []string{"app"}, w.live(), "%s: the dead mount is where it was", name)
		still, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, text, string(still), name)
	}
	// Words that this version does not know are one volume's trouble.
	odd := strings.Replace(string(good), `"volumes":[`, `"volumes":[{"name": "odd", "created": "2026-01-01T00:00:00Z", "words": {"colour": "blue"}, "users": ["x"]},`, 1)
	require.NoError(t, os.WriteFile(path, []byte(odd), 0o600))
	m = w.open()
	w.reads(w.base+"/app/GREETING", "hello, world")
	v, err := m.Get("odd")
	require.NoError(t, err)
	require.Contains(t, v.Status["failed"], "colour")
	_, err = m.Mount(t.Context(), "odd", "y")
	require.ErrorContains(t, err, "not understood")
	require.NoError(t, m.Unmount(t.Context(), "odd", "x"))
	require.NoError(t, m.Remove("odd"))
}

// What cannot be written down is not done.
func TestAStateThatCannotBeWritten(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	require.NoError(t, m.Create("app", dev()))
	require.NoError(t, os.Rename(w.state, w.state+".away"))
	require.Error(t, m.Create("other", dev()))
	_, err := m.Mount(t.Context(), "app", "id")
	require.Error(t, err)
	require.Error(t, m.Remove("app"))
	require.Empty(t, w.live())
	require.NoError(t, os.Rename(w.state+".away", w.state))
	require.Len(t, m.List(), 1)
	v, err := m.Get("app")
	require.NoError(t, err)
	require.Equal(t, 0, v.Status["users"])
	_, err = m.Mount(t.Context(), "app", "id")
	require.NoError(t, err)
}

// The state has all that is known of all volumes, and of a thousand only the one that has
// changed is encoded for it.
func TestOnlyWhatHasChangedIsEncoded(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	require.NoError(t, m.Create("idle", dev()))
	w.mounted(m, "app", dev())
	kept := func(name string) *byte {
		m.mu.Lock()
		defer m.mu.Unlock()
		return unsafe.SliceData(m.volumes[name].kept)
	}
	idle, app := kept("idle"), kept("app")
	require.NotNil(t, idle)
	require.NotNil(t, app)
	_, err := m.Mount(t.Context(), "app", "another id")
	require.NoError(t, err)
	require.NotSame(t, app, kept("app"))
	require.Same(t, idle, kept("idle"))

	records, err := readState(w.state)
	require.NoError(t, err)
	require.Len(t, records, 2)
	require.Equal(t, []string{"another id", "id"}, records[0].Users)
	require.Equal(t, dev(), records[1].Words)
	require.Equal(t, m.volumes["app"].root, records[0].Root)
}
