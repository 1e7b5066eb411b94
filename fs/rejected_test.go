package fs

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// A text that could not be sent by the last close belongs to who wrote it, though
// Linux does not say whose close that was.
func TestRejectedAtReleaseBelongsToItsWriter(t *testing.T) {
	if os.Geteuid() != 0 {
		require.Empty(t, os.Getenv("REQUIRE_FUSE"), "only root can be somebody else")
		t.Skip("only root can be somebody else")
	}
	w := newWorld(writing, func(c *Config) { c.UID, c.OwnerUID = 1000, 1000 })
	t.Cleanup(w.Close)
	opts := w.Options()
	opts.MountOptions.AllowOther = true
	mnt := fusetest.Mounted(t, w.Root(), opts)
	require.NoError(t, os.Chmod(filepath.Dir(mnt), 0o755))
	w.FailWrites(secrettest.KindUpdate, secret.ErrUnavailable)
	cmd := exec.Command("bash", "-c", `{ sh -c 'while kill -0 "$1" 2>&-; do sleep 0.01; done; echo mine' - $$ & } > "$0"; exit`, filepath.Join(mnt, "demo/dev/GREETING"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Eventually(t, func() bool { return len(w.rejected.List()) == 1 }, time.Minute, time.Millisecond)
	require.EqualValues(t, 1000, w.rejected.List()[0].UID)
}
