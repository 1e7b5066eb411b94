package fs

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
)

// To rename a secret is not to have read it: what somebody else made of it is not
// overwritten under the new name.
func TestRenameDoesNotHideAnothersChange(t *testing.T) {
	w, k := alone(t)
	_, err := fusetest.ReadFile(k, "demo/dev/GREETING")
	require.NoError(t, err)
	w.Set(dev, "GREETING", "theirs")
	require.NoError(t, k.Rename("demo/dev/GREETING", "demo/dev/HELLO"))
	require.Equal(t, syscall.ESTALE, fusetest.WriteFile(k, "demo/dev/HELLO", "mine, based on what I read"))
	w.requireValue(t, dev, "HELLO", "theirs")
}

func TestRenameDoesNotHideAnothersChangeFromAHandle(t *testing.T) {
	w, k := alone(t)
	f, err := k.Open("demo/dev/GREETING", syscall.O_RDWR)
	require.NoError(t, err)
	w.Set(dev, "GREETING", "theirs")
	require.NoError(t, k.Rename("demo/dev/GREETING", "demo/dev/HELLO"))
	_, err = f.WriteAt([]byte("J"), 0)
	require.NoError(t, err)
	require.Equal(t, syscall.ESTALE, f.Close())
	w.requireValue(t, dev, "HELLO", "theirs")
}

// A file that was emptied by opening is empty under its new name too.
func TestEmptiedFileThatReplacesAnother(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/NEW", "text"))
		f, err := v.Open("demo/dev/NEW", syscall.O_WRONLY|syscall.O_TRUNC)
		require.NoError(t, err)
		require.NoError(t, v.Rename("demo/dev/NEW", "demo/dev/GREETING"))
		require.NoError(t, f.Close())
		require.Eventually(t, func() bool { s, _ := w.Own(dev, "GREETING"); return s.Value.Len() == 0 }, time.Minute, time.Millisecond)
	})
}
