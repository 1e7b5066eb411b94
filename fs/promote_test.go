package fs

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// By way of a backup's name to another folder: references stay.
func TestBackupsWithReferencesAreMoved(t *testing.T) {
	w, k := alone(t)
	w.SetRaw(dev, "GREETING", "${OTHER}")
	require.NoError(t, k.Rename("demo/dev/GREETING", "demo/dev/GREETING.bak"))
	require.NoError(t, k.Rename("demo/dev/GREETING.bak", "demo/dev/payments/GREETING"))
	w.requireValue(t, payments, "GREETING", "${OTHER}")
}
