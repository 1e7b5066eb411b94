package fs

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// By way of a scratch name to another folder: that would be the expanded value.
func TestBackupsWithReferencesAreNotSent(t *testing.T) {
	w, k := alone(t)
	w.SetRaw(dev, "GREETING", "${OTHER}")
	require.NoError(t, k.Rename("demo/dev/GREETING", "demo/dev/GREETING.bak"))
	require.Equal(t, syscall.EPERM, k.Rename("demo/dev/GREETING.bak", "demo/dev/payments/GREETING"))
	require.Empty(t, w.Writes())
	require.NoError(t, k.Rename("demo/dev/GREETING.bak", "demo/dev/GREETING"))
}
