package fs

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/textedit"
)

// A program that hears EFBIG ends, and its close is no word that the part before
// is a value.
func TestAPartIsNeverSent(t *testing.T) {
	w, k := alone(t)
	half := make([]byte, textedit.Max/2+1000)
	for i := range half {
		half[i] = 'x'
	}
	f, err := k.Open("demo/dev/GREETING", syscall.O_WRONLY|syscall.O_TRUNC)
	require.NoError(t, err)
	_, err = f.WriteAt(half, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(half, int64(len(half)))
	require.Equal(t, syscall.EFBIG, err)
	require.Equal(t, syscall.EFBIG, f.Close())
	w.requireValue(t, dev, "GREETING", "hello, world")
	require.Len(t, w.rejectedTexts()["GREETING.1"], len(half))
}
