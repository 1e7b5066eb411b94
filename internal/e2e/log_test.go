package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// A log that nobody reads (^S on the terminal) does not stop the mount.
func TestLogThatNobodyReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devserver.Config{})
	dir := filepath.Join(w.tmp, "mnt")
	require.NoError(t, os.Mkdir(dir, 0o755))
	l := w.begin(t, dir, nil, "--debug")
	l.mounted(t)
	defer l.gone(t, dir) // reads the log
	defer l.cmd.Process.Signal(syscall.SIGINT)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	many := exec.CommandContext(ctx, "sh", "-c", `for i in $(seq 1500); do test -r demo/dev/no-such-name-$i && exit 1; done; cat demo/dev/GREETING`)
	out, err := shellIn(many, dir)
	require.NoError(t, err)
	require.Equal(t, "hello, world", out)
}

// shellIn runs a shell that goes to dir by itself.
func shellIn(cmd *exec.Cmd, dir string) (string, error) {
	cmd.Args[2] = "cd " + dir + " && " + cmd.Args[2]
	out, err := cmd.Output()
	return string(out), err
}
