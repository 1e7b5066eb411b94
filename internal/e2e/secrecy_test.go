package e2e

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

const canary = "canary-value-0123456789"

// A value that was read, a client secret and a token show up nowhere: not in
// the log at debug level, not in the status, not in an error, whatever goes
// wrong.
func TestNothingSecretIsWritten(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, profile devserver.Profile) {
		t.Parallel()
		w := newWorld(t, devserver.Config{Profile: profile})
		w.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/", "CANARY", canary) })
		m := w.mount(t, "viewer", "--debug", "--ttl=0s", "--timeout=1s", "--rate-wait=1s")
		var printed bytes.Buffer
		look := func() {
			for _, command := range []string{"cat demo/dev/CANARY", "head -c 5 demo/dev/CANARY", "ls -lR .", "getfattr -d demo/dev/CANARY", "cat demo/dev/ABSENT"} {
				cmd := shell(m.dir, command)
				cmd.Stderr = &printed // what programs say, not what they read
				cmd.Run()
			}
			text, err := os.ReadFile(m.path(".infisicalfs/status"))
			require.NoError(t, err)
			printed.Write(text)
			out, err := exec.Command(program, "status", m.dir).CombinedOutput()
			require.NoError(t, err)
			printed.Write(out)
		}
		look()
		for _, fault := range []devserver.Fault{
			{Truncate: 700},
			{Status: 200, Body: `{"secrets":[{"secretKey":"CANARY","secretValue":"` + canary + `"`},
			{Status: 200, Body: `{"secrets":[{"secretKey":"CANARY","secretValue":"` + canary + `","version":"` + canary + `"}]}`},
			{Status: 200, Body: canary},
			{Status: 500, Header: http.Header{"Content-Type": {"text/plain"}}, Body: canary},
		} {
			fault.Match = notLogin
			remove := w.Inject(fault)
			look()
			remove()
		}
		look()
		log := readFile(t, m.log)
		require.Contains(t, log, "list secrets", "the log is at debug level")
		who := w.Credentials("viewer")
		for _, text := range []string{log, printed.String()} {
			for _, hidden := range []string{canary, canary[:10], who.ClientSecret, "eyJ"} {
				require.NotContains(t, text, hidden)
			}
		}
	})
}

// A crash leaves no memory behind, however core dumps are set up.
func TestNoCoreFile(t *testing.T) {
	needFUSE(t)
	w := newWorld(t, devserver.Config{})
	dir := filepath.Join(w.tmp, "crash")
	require.NoError(t, os.MkdirAll(dir+"/mnt", 0o755))
	cmd := exec.Command("sh", "-c", `ulimit -c unlimited 2>/dev/null || ulimit -c "$(ulimit -H -c)"; exec "$0" mount -f mnt`, program)
	cmd.Dir = dir
	cmd.Env = w.environ("viewer")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		exec.Command(program, "unmount", dir+"/mnt").Run()
	})
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(dir + "/mnt/demo/dev/GREETING")
		return err == nil && len(text) > 0
	}, 20*time.Second, 20*time.Millisecond)
	require.NoError(t, cmd.Process.Signal(unix.SIGABRT))
	err := cmd.Wait()
	require.Error(t, err)
	require.NotContains(t, cmd.ProcessState.String(), "core dumped")
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), "core") {
			t.Errorf("a core file: %s", path)
		}
		if d != nil && d.Name() == "mnt" {
			return filepath.SkipDir
		}
		return nil
	}))
}
