package attach

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatAKernelLacks(t *testing.T) {
	require.Empty(t, Lacking(6, 18))
	require.Empty(t, Lacking(7, 0))
	require.Len(t, Lacking(6, 17), 1)
	require.Len(t, Lacking(6, 8), 3)
	require.Len(t, Lacking(5, 4), len(kernelNeeds))
	require.Contains(t, Lacking(6, 11)[0], "before Linux 6.12: no bind with mapped owners")
	release, _ := Kernel()
	require.NotEmpty(t, release)
}
