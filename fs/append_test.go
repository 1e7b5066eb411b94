package fs

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
)

// Two handles that append, as "program >>FILE 2>>FILE" has them: neither takes
// back what the other has acknowledged. The second is told.
func TestTwoAppenders(t *testing.T) {
	w, k := alone(t)
	open := func(text string) fusetest.File {
		f, err := k.Open("demo/dev/GREETING", syscall.O_WRONLY|syscall.O_APPEND)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte(text), 0)
		require.NoError(t, err)
		return f
	}
	f, g := open(" out"), open(" err")
	require.NoError(t, f.Close())
	require.Equal(t, syscall.ESTALE, g.Close())
	w.requireValue(t, dev, "GREETING", "hello, world out")
	require.Equal(t, map[string]string{"GREETING.1": "hello, world err"}, w.rejectedTexts())
}
