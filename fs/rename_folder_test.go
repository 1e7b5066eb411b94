package fs

import (
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/overlay"
	"infisicalfs/internal/fusetest"
)

// A folder that somebody else has removed leaves its name to another: what waits
// here in the first is not in the second, and is kept.
func TestFolderThatTakesTheNameOfOneThatIsGone(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, _ *processes) {
		gone := dev.Child("gone")
		w.Set(gone, "KEY", "key")
		install(t, k, "demo/dev/gone/KEY-us2prod", "typed")
		install(t, k, "demo/dev/payments/API_KEY-us2prod", "typed as well")
		w.Remove(dev, "gone")
		require.NoError(t, k.Rename("demo/dev/payments", "demo/dev/gone"))
		require.Equal(t, map[string]string{"KEY-us2prod.1": "typed"}, w.rejectedTexts())
		require.Equal(t, 1, w.Counts().Writes.DoubtfulFiles)
		pass(overlay.DoubtfulFor)
		w.requireValue(t, gone, "API_KEY-us2prod", "typed as well")
		require.Zero(t, w.Counts().Writes.DoubtfulFiles)
	}, ttl(-1))
}
