package fs

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/secret"
)

// A folder that has nothing here any more takes no memory, however many there
// were in the life of a mount.
func TestOverlayForgetsFoldersWithNothingInThem(t *testing.T) {
	w, k := alone(t)
	for i := range 20 {
		dir := fmt.Sprintf("demo/dev/job-%d", i)
		require.NoError(t, k.Mkdir(dir))
		for _, name := range []string{"KEY", "KEY.tmp"} {
			f, err := k.CreateFile(dir+"/"+name, syscall.O_WRONLY, 0o600)
			require.NoError(t, err)
			_, err = f.WriteAt([]byte("x"), 0)
			require.NoError(t, err)
			require.NoError(t, f.Close())
		}
		require.NoError(t, k.Unlink(dir+"/KEY.tmp"))
		require.NoError(t, k.Unlink(dir+"/KEY"))
		require.NoError(t, k.Rmdir(dir))
	}
	require.Empty(t, w.overlay.folders)
	require.Empty(t, w.overlay.gone)
}

func TestOverlayAsksLeaveNothing(t *testing.T) {
	var o overlay
	dir := secret.Dir{Project: "demo", Env: "dev", Path: "/"}
	o.discard(dir, "KEY")
	o.replace(dir, "KEY", dir, "OTHER")
	o.unlinkScratch(dir, "KEY~")
	o.uncover(dir, "KEY")
	require.Empty(t, o.folders)
}

// In a folder of 50,000 secrets their versions take megabytes.
func TestScratchFilesShareWhatTheyAreBasedOn(t *testing.T) {
	var o overlay
	snap := &secret.Folder{Secrets: []secret.Secret{{Name: "KEY", ID: "id", Version: 3}}}
	first, second := o.basisOf(snap), o.basisOf(snap)
	require.Equal(t, lostupdate.Base{ID: "id", Version: 3}, first["KEY"])
	first["marked"] = lostupdate.Base{}
	require.Contains(t, second, "marked", "another map")
	next := &secret.Folder{Secrets: []secret.Secret{{Name: "KEY", ID: "id", Version: 4}}}
	require.Equal(t, lostupdate.Base{ID: "id", Version: 4}, o.basisOf(next)["KEY"])
	require.Equal(t, lostupdate.Base{ID: "id", Version: 3}, first["KEY"], "who made a file earlier has seen the earlier version")
}
