package fs

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
)

// The kernel has one size for a file. While somebody reads an old version, a
// lookup must not tell it the size of the new one.
func TestALookupTellsTheSizeOfWhatIsOpen(t *testing.T) {
	w := newWorld(ttl(time.Hour))
	mountpoint := fusetest.Mounted(t, w.Root(), w.Options())
	path := mountpoint + "/demo/dev/KEY"
	w.Set(dev, "KEY", "a long value")
	_, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return w.Counts().Open == 0 }, time.Minute, time.Millisecond)
	open, err := os.Open(path)
	require.NoError(t, err)
	defer open.Close()
	node := w.root.GetChild("demo").GetChild("dev").Operations().(*dir)
	known := node.GetChild("KEY")
	require.True(t, known.Operations().(*file).pages.InUse())

	w.Set(dev, "KEY", "short")
	var out entryOut
	found, errno := node.Lookup(t.Context(), "KEY", &out)
	require.Zero(t, errno)
	require.Same(t, known, found)
	require.Equal(t, uint64(len("a long value")), out.Size)
}
