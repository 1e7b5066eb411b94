package fs

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
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
	require.Zero(t, w.overlay.Counts().Folders)
	require.Zero(t, w.overlay.Counts().Unlinked)
}

// Asking and ending what is not there takes no memory.
func TestDraftsLeaveNothing(t *testing.T) {
	var d drafts
	d.discard(dev, "KEY")
	d.replace(dev, "KEY", dev, "OTHER")
	h := &writeHandle{}
	d.add(h, dev, "KEY")
	require.True(t, d.beingWritten(dev, "KEY"))
	d.replace(dev, "KEY", dev, "OTHER")
	require.Equal(t, []*writeHandle{h}, d.of(dev, "OTHER"))
	d.moveFolder(dev, payments)
	require.Equal(t, []string{"OTHER"}, d.namesIn(payments))
	d.drop(h)
	require.Empty(t, d.names)
}
