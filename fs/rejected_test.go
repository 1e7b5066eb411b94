package fs

import (
	"io"
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

// Whose a text is does not depend on whether a request names its user: of opening,
// closing and removing the kernel does not tell, because the mount may have an
// idmapped bind. What has no text of one's own is nobody else's, and the users'
// budgets are apart.
func TestATextOfAnotherUserIsHisOwn(t *testing.T) {
	if os.Geteuid() != 0 {
		require.Empty(t, os.Getenv("REQUIRE_FUSE"), "only root can be somebody else")
		t.Skip("only root can be somebody else")
	}
	w := newWorld(writing, func(c *Config) { c.FileMode, c.DirMode, c.UID, c.OwnerUID = 0o666, 0o777, 1000, 1000 })
	t.Cleanup(w.Close)
	opts := w.Options()
	opts.MountOptions.AllowOther = true
	mnt := fusetest.Mounted(t, w.Root(), opts)
	require.NoError(t, os.Chmod(filepath.Dir(mnt), 0o755))
	as := func(uid uint32, script string) {
		t.Helper()
		cmd := exec.Command("bash", "-c", `cd "$0" && `+script, filepath.Join(mnt, "demo/dev"))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		out, _ := cmd.CombinedOutput() // most of it fails
		require.NotContains(t, string(out), "Permission denied")
	}
	w.FailWrites(secrettest.KindUpdate, secret.ErrUnavailable)
	w.FailWrites(secrettest.KindCreate, secret.ErrUnavailable)
	for what, script := range map[string]string{
		"a refused update":       "echo update > GREETING",
		"a refused creation":     "echo create > NEW",
		"a refused move onto it": "echo move > .GREETING.tmp && mv .GREETING.tmp GREETING",
	} {
		as(4711, script)
		texts := w.rejected.List()
		require.NotEmpty(t, texts, what)
		for _, text := range texts {
			require.EqualValues(t, 4711, text.UID, what)
			w.rejected.Remove(text.Name)
		}
	}
	w.FailWrites(secrettest.KindUpdate, nil)
	w.FailWrites(secrettest.KindCreate, nil)
	as(4711, "rm GREETING")
	require.Len(t, w.rejected.List(), 1, "what was removed")
	require.EqualValues(t, 4711, w.rejected.List()[0].UID)

	// What is not sent yet: a file that is open, and a backup's name while its maker lives.
	holder := exec.Command("bash", "-c", `cd "$0" && mv payments/API_KEY payments/API_KEY~ && exec >OPENED && echo open && /bin/echo ready >&2 && read`, filepath.Join(mnt, "demo/dev"))
	holder.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4711, Gid: 4711}}
	in, err := holder.StdinPipe()
	require.NoError(t, err)
	out, err := holder.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, holder.Start())
	defer func() { _ = holder.Wait() }()
	defer in.Close()
	_, err = io.ReadFull(out, make([]byte, len("ready")))
	require.NoError(t, err)
	kinds := map[string]bool{}
	for _, text := range w.Unsent() {
		kinds[text.Kind] = true
		require.EqualValues(t, 4711, text.UID, "%+v", text)
	}
	require.Len(t, kinds, 2, "%+v", w.Unsent())
	require.NoError(t, in.Close())
	require.Eventually(t, func() bool { return len(w.Unsent()) == 0 }, time.Minute, time.Millisecond)
}
