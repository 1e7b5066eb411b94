package fs

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret/secrettest"
)

// A change of the source of a rename between reading it and deleting it is lost
// without a trace.
func TestSourceOfARenameOntoChanges(t *testing.T) {
	w, k := alone(t)
	w.Set(dev, "NEW", "new")
	w.BeforeWrites(func(r secrettest.Request) {
		if r.Kind == secrettest.KindUpdate {
			w.BeforeWrites(nil)
			w.Set(dev, "NEW", "theirs, acknowledged")
		}
	})
	require.Equal(t, syscall.EBUSY, k.Rename("demo/dev/NEW", "demo/dev/GREETING"))
	w.requireValue(t, dev, "NEW", "theirs, acknowledged")
}

// The value that is there already sends nothing, by what the server makes of it.
func TestTheSameValueUntrimmed(t *testing.T) {
	w, k := alone(t)
	for range 2 {
		require.NoError(t, fusetest.WriteFile(k, "demo/dev/GREETING", " x \n\n"))
	}
	require.Len(t, w.Writes(), 1)
}
