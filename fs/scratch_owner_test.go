package fs

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
)

// A temporary is its maker's, whoever mounts: a script of another user fills what
// mktemp has made for it, and the secret does not become empty.
func TestScratchFileIsItsMakers(t *testing.T) {
	w, k := alone(t)
	k.Caller.Uid, k.Caller.Gid = 4711, 4712
	for _, name := range []string{"demo/dev/.GREETING.new", "demo/dev/GREETING.a8Gk2x"} {
		f, err := k.CreateFile(name, syscall.O_WRONLY|syscall.O_EXCL, 0o600)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		a, err := k.Stat(name)
		require.NoError(t, err)
		require.Equal(t, uint32(4711), a.UID, name)
		require.Equal(t, w.cfg.GID, a.GID, name)
	}
	before, err := k.Stat("demo/dev/GREETING")
	require.NoError(t, err)
	require.NoError(t, k.Rename("demo/dev/GREETING", "demo/dev/GREETING~"))
	after, err := k.Stat("demo/dev/GREETING~")
	require.NoError(t, err)
	require.Equal(t, before.UID, after.UID)
	require.Equal(t, before.Mode, after.Mode)
}

func TestAnotherUsersScriptFillsItsTemporary(t *testing.T) {
	if os.Geteuid() != 0 {
		require.Empty(t, os.Getenv("REQUIRE_FUSE"), "only root can be somebody else")
		t.Skip("only root can be somebody else")
	}
	w := newWorld(writing, func(c *Config) { c.FileMode, c.DirMode = 0o666, 0o777 })
	t.Cleanup(w.Close)
	opts := w.Options()
	opts.AllowOther = true
	mnt := fusetest.Mounted(t, w.Root(), opts)
	require.NoError(t, os.Chmod(filepath.Dir(mnt), 0o755))
	cmd := exec.Command("bash", "-c", `set -e; cd "$0"; f=$(mktemp GREETING.XXXXXX); echo typed > "$f"; mv "$f" GREETING`, filepath.Join(mnt, "demo/dev"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4711, Gid: 4712}}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	w.requireValue(t, dev, "GREETING", "typed\n")
}
