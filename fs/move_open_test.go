package fs

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
)

// Who goes on writing to what was moved writes to it where it is now.
func TestMovedWhileOpen(t *testing.T) {
	w, k := alone(t)
	f, err := k.Open("demo/dev/GREETING", syscall.O_WRONLY|syscall.O_APPEND)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("!"), 0)
	require.NoError(t, err)
	require.NoError(t, k.Rename("demo/dev/GREETING", "demo/dev/payments/GREETING"))
	require.NoError(t, f.Close())
	w.requireValue(t, payments, "GREETING", "hello, world!")
}

// What a process once knew of a name is nothing it knows of what it moves there.
func TestWritingWhatWasMoved(t *testing.T) {
	w, k := alone(t)
	_, err := fusetest.ReadFile(k, "demo/dev/payments/API_KEY")
	require.NoError(t, err)
	w.Remove(payments, "API_KEY")
	require.NoError(t, fusetest.WriteFile(k, "demo/dev/API_KEY", "made"))
	require.NoError(t, k.Rename("demo/dev/API_KEY", "demo/dev/payments/API_KEY"))
	require.NoError(t, fusetest.WriteFile(k, "demo/dev/payments/API_KEY", "again"))
}
