package fs

import (
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
)

// With Overwrite the last writer wins, also who writes nothing.
func TestEmptyingWhatSomebodyChanged(t *testing.T) {
	w, k := alone(t, func(c *Config) { c.Overwrite = true })
	_, err := fusetest.ReadFile(k, "demo/dev/GREETING")
	require.NoError(t, err)
	w.Set(dev, "GREETING", "theirs")
	require.NoError(t, k.Truncate("demo/dev/GREETING", 0))
	w.requireValue(t, dev, "GREETING", "")
}
