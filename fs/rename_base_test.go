package fs

import (
	"syscall"
	"testing"

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
