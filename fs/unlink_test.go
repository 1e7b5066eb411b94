package fs

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
)

// The file that an editor makes in the place of the secret that it has renamed
// can be removed before it is sent, and then goes nowhere.
func TestUnlinkOfWhatReplacesACoveredSecret(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.NoError(t, v.Rename("demo/dev/GREETING", "demo/dev/GREETING~"))
		f, err := v.CreateFile("demo/dev/GREETING", syscall.O_WRONLY, 0o644)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("new"), 0)
		require.NoError(t, err)
		require.NoError(t, v.Unlink("demo/dev/GREETING"))
		require.NoError(t, f.Close())
		require.Empty(t, w.Writes())
	})
}

// That there is nothing to remove is no reason to drop what somebody writes.
func TestUnlinkOfNothingDropsNothing(t *testing.T) {
	w, k := alone(t)
	f, err := k.Open("demo/dev/GREETING", syscall.O_WRONLY)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("mine"), 0)
	require.NoError(t, err)
	w.Remove(dev, "GREETING")
	require.Equal(t, syscall.ENOENT, k.Unlink("demo/dev/GREETING"))
	require.Equal(t, syscall.ESTALE, f.Close())
	require.Contains(t, w.rejectedTexts()["GREETING.1"], "mine")
}

// What is removed while somebody has it open has no name any more, and whoever has
// it open can say so: by its number of links.
func TestLinksOfWhatIsOpenAndRemoved(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		links := func(f fusetest.File) int {
			a, err := f.Stat()
			require.NoError(t, err)
			return int(a.Nlink)
		}
		reader, err := v.Open("demo/dev/GREETING", syscall.O_RDONLY)
		require.NoError(t, err)
		defer reader.Close()
		writer, err := v.Open("demo/dev/EMPTY", syscall.O_WRONLY)
		require.NoError(t, err)
		defer writer.Close()
		draft, err := v.CreateFile("demo/dev/NEW", syscall.O_WRONLY|syscall.O_EXCL, 0o600)
		require.NoError(t, err)
		defer draft.Close()
		scratch, err := v.CreateFile("demo/dev/.NEW.tmp", syscall.O_WRONLY|syscall.O_EXCL, 0o600)
		require.NoError(t, err)
		defer scratch.Close()
		files := map[string]fusetest.File{"GREETING": reader, "EMPTY": writer, "NEW": draft, ".NEW.tmp": scratch}
		for name, f := range files {
			require.Equal(t, 1, links(f), name)
			require.NoError(t, v.Unlink("demo/dev/"+name), name)
			require.Equal(t, 0, links(f), name)
		}
		text := make([]byte, 100)
		n, err := reader.ReadAt(text, 0)
		require.NoError(t, err)
		require.Equal(t, "hello, world", string(text[:n]))

		again, err := v.CreateFile("demo/dev/GREETING", syscall.O_WRONLY|syscall.O_EXCL, 0o600)
		require.NoError(t, err)
		defer again.Close()
		require.Equal(t, 1, links(again))
	})
}
