package fs

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
)

// A listing that began before a removal must not teach the kernel the old name.
func TestListedAfterItIsGone(t *testing.T) {
	w := newWorld(writing, ttl(time.Minute))
	t.Cleanup(w.Close)
	for i := range 200 {
		w.Set(payments, "KEY_"+string(rune('A'+i/26))+string(rune('A'+i%26)), "x")
	}
	w.Set(payments, "ZULU", "x")
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	d, err := os.Open(filepath.Join(mnt, "demo/dev/payments"))
	require.NoError(t, err)
	defer d.Close()
	_, err = d.Readdirnames(1)
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(mnt, "demo/dev/payments/ZULU")))
	_, err = d.Readdirnames(-1)
	require.NoError(t, err)
	_, err = os.Stat(filepath.Join(mnt, "demo/dev/payments/ZULU"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
