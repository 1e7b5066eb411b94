package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// net/http prints what arrives behind the end of an answer, up to four KiB of it,
// through the standard logger. A server whose Content-Length is too small would so
// put its secrets into the journal.
func TestWhatFollowsAnAnswerIsNotPrinted(t *testing.T) {
	needFUSE(t)
	t.Parallel()
	const value = "fake-value-behind-the-end"
	w := newWorld(t, devserver.Config{})
	remove := w.Inject(devserver.Fault{Match: isListOfSecrets, Write: func(rw http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		body := `{"secrets":[],"imports":[]}`
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body+value)
	}})
	dir, err := os.MkdirTemp(w.tmp, "mnt-")
	require.NoError(t, err)
	cmd := exec.Command(program, "mount", "-f", "--ttl=0", "--max-stale=0", "--watch=off", dir)
	cmd.Env = w.environ("viewer")
	var printed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &printed
	require.NoError(t, cmd.Start())
	m := &mounted{dir: dir, pid: cmd.Process.Pid}
	soon(t, "it is mounted", func() bool { _, err := os.Stat(m.path(".infisicalfs")); return err == nil })
	for range 5 {
		os.ReadDir(m.path("demo", "dev"))
	}
	remove()
	text, err := os.ReadFile(m.path("demo", "dev", "GREETING"))
	require.NoError(t, err)
	require.Equal(t, "hello, world", string(text))
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	cmd.Wait()
	require.NotContains(t, printed.String(), value)
	require.NotContains(t, printed.String(), "Unsolicited")
}

func isListOfSecrets(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/v4/secrets") }
