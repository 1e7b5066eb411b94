package engines

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

// world is a server, and a directory of the shared base for what is mounted of it.
type world struct {
	*devserver.Server
	t   *testing.T
	url string
	dir string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	needEngines(t)
	s, err := devserver.New(devserver.Config{})
	require.NoError(t, err)
	listener := httptest.NewServer(s)
	t.Cleanup(func() { s.Close(); listener.CloseClientConnections(); listener.Close() })
	dir, err := os.MkdirTemp(base, "w")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	return &world{s, t, listener.URL, dir}
}

// set changes or makes secrets of demo/dev on the server.
func (w *world) set(pairs ...string) {
	w.t.Helper()
	require.NoError(w.t, w.Edit(func(e *devserver.Editor) error {
		for i := 0; i < len(pairs); i += 2 {
			if err := e.Set("demo", "dev", "/", pairs[i], pairs[i+1]); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (w *world) delete(name string) {
	w.t.Helper()
	require.NoError(w.t, w.Edit(func(e *devserver.Editor) error { return e.Delete("demo", "dev", "/", name) }))
}

// environ is what a process needs to reach the server as identity.
func (w *world) environ(identity string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "INFISICAL") && !strings.HasPrefix(v, "_INFISICAL") {
			env = append(env, v)
		}
	}
	who := w.Credentials(identity)
	return append(env,
		"INFISICAL_API_URL="+w.url,
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID="+who.ClientID,
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET="+who.ClientSecret,
		"INFISICAL_ORGANIZATION_ID="+who.OrganizationID,
		raceVariable,
	)
}

// raceVariable has the race detector end the program at the first race, and without a pause.
const raceVariable = "GORACE=atexit_sleep_ms=0 halt_on_error=1"

// process is a child of the test that serves something until it is ended.
type process struct {
	cmd   *exec.Cmd
	log   string
	ended chan struct{} // closed when the last of its threads is gone
}

// begin runs the program as the identity "admin".
func (w *world) begin(log string, args ...string) *process {
	w.t.Helper()
	file, err := os.Create(log)
	require.NoError(w.t, err)
	defer file.Close()
	p := &process{exec.Command(program, args...), log, make(chan struct{})}
	p.cmd.Env, p.cmd.Stderr = w.environ("admin"), file
	require.NoError(w.t, p.cmd.Start())
	go func() { p.cmd.Wait(); close(p.ended) }()
	return p
}

// until waits until the process is as far as ready says.
func (p *process) until(t *testing.T, ready func() bool) {
	t.Helper()
	require.True(t, eventually(func() bool {
		select {
		case <-p.ended:
			t.Fatal("the process has ended: ", p.said())
		default:
		}
		return ready()
	}), p.said())
}

func (p *process) said() string {
	text, _ := os.ReadFile(p.log)
	return string(text)
}

// end ends the process with a signal and waits for it.
func (p *process) end(signal unix.Signal) {
	p.cmd.Process.Signal(signal)
	<-p.ended
}

// mounted is a mount of demo/dev, served by a child of the test.
type mounted struct {
	w     *world
	dir   string
	flags []string
	log   string
	*process
}

// mount mounts demo/dev for all users on a new directory.
func (w *world) mount(flags ...string) *mounted {
	w.t.Helper()
	dir := filepath.Join(w.dir, "m")
	require.NoError(w.t, os.Mkdir(dir, 0o755))
	m := &mounted{w: w, dir: dir, log: dir + ".log",
		flags: append([]string{"mount", "--foreground", "--project=demo", "--env=dev", "--path=/", "--allow-other", "--dir-mode=0555", "--mode=0444",
			"--control=off", "--watch-interval=1s"}, flags...)}
	m.begin()
	w.t.Cleanup(func() {
		m.end(unix.SIGTERM)
		unix.Unmount(dir, unix.MNT_DETACH) // a dead one
	})
	return m
}

// begin starts the process and waits for the mount.
func (m *mounted) begin() {
	m.w.t.Helper()
	m.process = m.w.begin(m.log, append(m.flags, m.dir)...)
	m.until(m.w.t, func() bool { return strings.Contains(m.said(), "mounted on ") })
}

// crash kills the process, as it could happen at any time, and starts another.
func (m *mounted) crash() {
	m.w.t.Helper()
	m.end(unix.SIGKILL)
	m.begin()
}

func (m *mounted) path(name string) string { return filepath.Join(m.dir, name) }
