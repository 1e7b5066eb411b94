package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
	"infisicalfs/internal/systemd/systemdtest"
)

// A service is killed while its server takes requests and answers none. The next process
// serves all the same: what it cannot know is an error within --timeout, and nothing hangs. When
// the server is back, so is everything.
func TestKilledServiceDuringAnOutage(t *testing.T) {
	w := newWorld(t, devserver.Config{})
	needFUSE(t)
	dir := filepath.Join(w.tmp, "secrets")
	require.NoError(t, os.Mkdir(dir, 0o755))
	manager := systemdtest.New(t)
	start := func() *exec.Cmd {
		cmd := exec.Command(program, "mount", "--foreground", "--read-only", "--timeout=2s", "--project=demo", "--env=dev", dir)
		cmd.Env = append(w.environ("admin"), "GORACE=atexit_sleep_ms=0")
		cmd.Stderr = os.Stderr
		manager.Start(t, cmd)
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		manager.Until(t, "READY=1")
		return cmd
	}
	read := func() error { _, err := os.ReadFile(filepath.Join(dir, "GREETING")); return err }
	first := start()
	require.NoError(t, read())

	remove := w.Inject(devserver.Fault{Hang: true})
	require.NoError(t, first.Process.Kill())
	require.Error(t, first.Wait())
	answers := make(chan error, 2)
	go func() { answers <- read() }() // waits for the next process
	second := start()
	go func() { answers <- read() }()
	for range 2 {
		select {
		case err := <-answers:
			require.Error(t, err)
			require.NotErrorIs(t, err, os.ErrNotExist)
			require.NotErrorIs(t, err, unix.ENOTCONN)
		case <-time.After(30 * time.Second):
			manager.Flush() // nobody waits any longer
			second.Process.Kill()
			require.Fail(t, "an access hangs")
		}
	}
	remove()
	require.Eventually(t, func() bool { return read() == nil }, 60*time.Second, 50*time.Millisecond)
	require.NoError(t, second.Process.Signal(unix.SIGTERM))
	require.NoError(t, second.Wait())
	require.Zero(t, depth(dir))
}

// A service is restarted while its server takes requests and answers none: who reads all the
// time reads on, and what goes from process to process for that has values, and nothing that
// one could log in with.
func TestRestartedServiceDuringAnOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devserver.Config{})
	needFUSE(t)
	dir := filepath.Join(w.tmp, "secrets")
	require.NoError(t, os.Mkdir(dir, 0o755))
	manager := systemdtest.New(t)
	start := func() *exec.Cmd {
		cmd := exec.Command(program, "mount", "--foreground", "--read-only", "--timeout=2s", "--ttl=1s", "--project=demo", "--env=dev", dir)
		cmd.Env = append(w.environ("admin"), "GORACE=atexit_sleep_ms=0")
		cmd.Stderr = os.Stderr
		manager.Start(t, cmd)
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		manager.Until(t, "READY=1")
		return cmd
	}
	accessToken := regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.`)
	require.Regexp(t, accessToken, w.UserToken())
	serving := start()
	file := filepath.Join(dir, "GREETING")
	value := readFile(t, file)
	stop, failed := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				failed <- nil
				return
			case <-time.After(time.Millisecond):
			}
			if text, err := os.ReadFile(file); err != nil || string(text) != value {
				failed <- fmt.Errorf("%q, %w", text, err)
				return
			}
		}
	}()

	remove := w.Inject(devserver.Fault{Hang: true})
	for range 2 {
		manager.SetJob("restart")
		require.NoError(t, serving.Process.Signal(unix.SIGTERM))
		require.NoError(t, serving.Wait())
		manager.SetJob("")
		require.Contains(t, manager.Stored(), "known")
		kept := os.NewFile(uintptr(manager.Kept(t, "known")), "known")
		memory, err := io.ReadAll(io.NewSectionReader(kept, 0, 1<<30))
		require.NoError(t, err)
		require.NoError(t, kept.Close())
		require.Contains(t, string(memory), value)
		require.NotContains(t, string(memory), w.Credentials("admin").ClientSecret)
		require.NotRegexp(t, accessToken, string(memory))
		serving = start()
		require.NotContains(t, manager.Stored(), "known")
		require.Eventually(t, func() bool { // what is known has served its time
			text := make([]byte, 100)
			n, err := unix.Getxattr(file, "user.infisical.stale", text)
			return err == nil && string(text[:n]) == "true"
		}, 20*time.Second, 50*time.Millisecond)
	}
	close(stop)
	require.NoError(t, <-failed)
	remove()
	w.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", "GREETING", "another") })
	require.Eventually(t, func() bool { return readFile(t, file) == "another" }, 60*time.Second, 50*time.Millisecond)
	require.NoError(t, serving.Process.Signal(unix.SIGTERM))
	require.NoError(t, serving.Wait())
	require.Zero(t, depth(dir))
}

// A new version takes a mount over while nobody can log in, with what the one before knows.
func TestReplacedDuringAnOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devserver.Config{})
	flags := []string{"--timeout=1s", "--read-only", "--project=demo", "--env=dev"}
	m := w.mount(t, "admin", flags...)
	value := readFile(t, m.path("GREETING"))
	held, err := os.Open(m.path("GREETING"))
	require.NoError(t, err)
	defer held.Close()
	for _, fault := range []devserver.Fault{{Hang: true}, {Status: 503}} {
		remove := w.Inject(fault)
		cmd := exec.Command(program, append(append([]string{"mount", "--replace", "--log-file", m.log}, flags...), m.dir)...)
		cmd.Env = w.environ("admin")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		now := m.status(t).PID
		require.NotEqual(t, m.pid, now)
		m.pid = now
		require.Equal(t, value, readFile(t, m.path("GREETING")))
		remove()
	}
	w.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", "GREETING", "another") })
	require.Eventually(t, func() bool { // the login is tried again after a pause
		m.refresh(t)
		return readFile(t, m.path("GREETING")) == "another"
	}, 60*time.Second, 100*time.Millisecond)
	require.Equal(t, 1, depth(m.dir))
}

// What a process knows is not for the one that goes on with a token of somebody else, who may read
// less, from the same file.
func TestNotReplacedWithAnothersToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devserver.Config{})
	w.edit(t, func(e *devserver.Editor) error { return e.Deny("viewer", "demo", "dev", "/payments") })
	file, environ := w.file(t, w.tokenOf(t, "admin")), append(cleanEnviron(), "INFISICAL_API_URL="+w.url)
	flags := []string{"--timeout=1s", "--read-only", "--ttl=1h", "--token-file=" + file}
	m := w.mountIn(t, program, environ, flags...)
	value := readFile(t, m.path("demo/dev/payments/STRIPE_KEY"))
	for _, identity := range []string{"admin", "viewer"} {
		takes := identity == "admin"
		require.NoError(t, os.WriteFile(file, []byte(w.tokenOf(t, identity)), 0o600))
		heal := w.Inject(devserver.Fault{Status: 503})
		cmd := exec.Command(program, append(append([]string{"mount", "--replace", "--log-file", m.log}, flags...), m.dir)...)
		cmd.Env = environ
		out, err := cmd.CombinedOutput()
		heal()
		require.Equal(t, takes, err == nil, "%s: %s", identity, out)
		now := m.status(t).PID
		require.Equal(t, takes, now != m.pid, identity)
		m.pid = now
		require.Equal(t, value, readFile(t, m.path("demo/dev/payments/STRIPE_KEY")), "as admin")
	}
}

// tokenOf is an access token of a machine identity.
func (w *world) tokenOf(t *testing.T, identity string) string {
	t.Helper()
	who := w.Credentials(identity)
	answer, err := http.Post(w.url+"/api/v1/auth/universal-auth/login", "application/json",
		strings.NewReader(fmt.Sprintf(`{"clientId":%q,"clientSecret":%q}`, who.ClientID, who.ClientSecret)))
	require.NoError(t, err)
	defer answer.Body.Close()
	var got struct{ AccessToken string }
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&got))
	require.NotEmpty(t, got.AccessToken)
	return got.AccessToken
}
