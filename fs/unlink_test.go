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
