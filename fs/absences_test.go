package fs

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// What the kernel may take for absent is known in whole, so there is a bound to it.
func TestAbsencesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a absences
		for i := range rememberedAbsences {
			require.True(t, a.add(nil, fmt.Sprint(i), absentFor))
		}
		require.False(t, a.add(nil, "one too many", absentFor))
		require.Len(t, a.all(), rememberedAbsences)
		<-time.After(absentFor + 1)
		require.True(t, a.add(nil, "later", absentFor))
		require.Len(t, a.all(), 1)
	})
}
