package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
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
