package fs

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/overlay"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
)

// rsync --delay-updates collects what it has received in a directory, and renames
// it onto the secrets at the end.
func TestScratchDirectory(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		const dir = "demo/dev/.~tmp~"
		require.NoError(t, v.Mkdir(dir))
		require.Equal(t, syscall.EEXIST, v.Mkdir(dir))
		a, err := v.Stat(dir)
		require.NoError(t, err)
		require.True(t, a.IsDir())
		names, err := fusetest.Names(v, "demo/dev")
		require.NoError(t, err)
		require.NotContains(t, names, ".~tmp~")

		was, _ := w.Own(dev, "GREETING")
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/.GREETING.a8Gk2x", "received"))
		require.NoError(t, v.Rename("demo/dev/.GREETING.a8Gk2x", dir+"/GREETING"))
		require.NoError(t, fusetest.WriteFile(v, dir+"/EMPTY", "made in it"))
		require.NoError(t, v.Mkdir(dir+"/below"))
		names, err = fusetest.Names(v, dir)
		require.NoError(t, err)
		require.ElementsMatch(t, []string{"GREETING", "EMPTY", "below"}, names)
		require.Equal(t, syscall.ENOTEMPTY, v.Rmdir(dir))
		require.Empty(t, w.Writes())

		require.NoError(t, v.Rename(dir+"/GREETING", "demo/dev/GREETING"))
		w.requireValue(t, dev, "GREETING", "received")
		now, _ := w.Own(dev, "GREETING")
		require.Equal(t, was.ID, now.ID)
		require.NoError(t, v.Rename(dir+"/EMPTY", dir+"/other"))
		require.NoError(t, v.Rename(dir+"/other", "demo/dev/NEW"))
		w.requireValue(t, dev, "NEW", "made in it")
		require.Equal(t, []string{"update GREETING", "create NEW"}, w.Writes())
		text, err := fusetest.ReadFile(v, "demo/dev/NEW")
		require.NoError(t, err)
		require.Equal(t, "made in it", text)

		require.Equal(t, syscall.EXDEV, v.Rename("demo/dev/GREETING", dir+"/GREETING"), "a secret does not go there")
		require.Equal(t, syscall.ENOENT, v.Rename(dir+"/GREETING", "demo/dev/GREETING"))
		require.NoError(t, v.Rmdir(dir+"/below"))
		require.NoError(t, v.Rmdir(dir))
		_, err = v.Stat(dir)
		require.Equal(t, syscall.ENOENT, err)
		require.Zero(t, w.Counts().Writes.ScratchFiles)
	})
}

// A directory as a lock: who makes it has it, and shows in its date that he lives.
func TestLockDirectory(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		const lock = "demo/dev/GREETING.lock"
		require.NoError(t, v.Mkdir(lock))
		require.Equal(t, syscall.EEXIST, v.Mkdir(lock))
		require.NoError(t, v.Utimes(lock, started.Add(time.Hour)))
		a, err := v.Stat(lock)
		require.NoError(t, err)
		require.True(t, a.Mtime.Equal(started.Add(time.Hour)))
		require.NoError(t, v.Rmdir(lock))
		require.Equal(t, syscall.ENOENT, v.Rmdir(lock))
		require.NoError(t, v.Mkdir(lock))
		require.NoError(t, v.Rmdir(lock))
		require.Empty(t, w.Writes())
	})
}

// A folder takes the scratch directories in it along, and ends them with itself.
func TestFolderWithScratchDirectory(t *testing.T) {
	w, k := alone(t)
	require.NoError(t, k.Mkdir("demo/dev/folder"))
	require.NoError(t, k.Mkdir("demo/dev/folder/.tmpdir"))
	require.NoError(t, fusetest.WriteFile(k, "demo/dev/folder/.tmpdir/KEY", "x"))
	require.NoError(t, k.Rename("demo/dev/folder", "demo/dev/other"))
	text, err := fusetest.ReadFile(k, "demo/dev/other/.tmpdir/KEY")
	require.NoError(t, err)
	require.Equal(t, "x", text)
	require.NoError(t, k.Rmdir("demo/dev/other"))
	require.Zero(t, w.overlay.Counts().Folders)
	require.Zero(t, w.overlay.Counts().Dirs)
	require.Zero(t, w.Counts().Writes.ScratchFiles)
}

// What a program has collected is there when it comes back for it, or it is told
// that there is no room.
func TestScratchDirectoryKeepsAll(t *testing.T) {
	w, k := alone(t)
	require.NoError(t, k.Mkdir("demo/dev/.~tmp~"))
	for i := range 2 * overlay.MaxTemporary {
		require.NoError(t, fusetest.WriteFile(k, fmt.Sprintf("demo/dev/.KEY%d.a8Gk2x", i), "received"))
		require.NoError(t, k.Rename(fmt.Sprintf("demo/dev/.KEY%d.a8Gk2x", i), fmt.Sprintf("demo/dev/.~tmp~/KEY%d", i)))
	}
	for i := range 2 * overlay.MaxTemporary {
		require.NoError(t, fusetest.WriteFile(k, fmt.Sprintf("demo/dev/.%d", i), "others"))
	}
	for i := range 2 * overlay.MaxTemporary {
		require.NoError(t, k.Rename(fmt.Sprintf("demo/dev/.~tmp~/KEY%d", i), fmt.Sprintf("demo/dev/KEY%d", i)))
	}
	require.Len(t, w.Writes(), 2*overlay.MaxTemporary)
	for i := range overlay.MaxCollected {
		sc := w.newScratch(t.Context(), &secret.Folder{Dir: payments}, kind{class: overlay.Collected}, 0o600)
		require.True(t, w.overlay.Link(sc, payments, fmt.Sprint(i)))
	}
	require.Equal(t, syscall.ENOSPC, fusetest.WriteFile(k, "demo/dev/.~tmp~/KEY", "x"))
}

// A dot alone makes no temporary: git and people keep much in such directories.
func TestDirectoriesThatPeopleKeepAreNoScratch(t *testing.T) {
	_, k := alone(t)
	require.Equal(t, syscall.EINVAL, k.Mkdir("demo/dev/.git"))
}
