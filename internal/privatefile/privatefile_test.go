package privatefile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhateverWasThereIsPrivateThen(t *testing.T) {
	dir := t.TempDir()
	for name, before := range map[string]os.FileMode{"new": 0, "open": 0o666, "readable": 0o644, "unreadable": 0o200} {
		file := filepath.Join(dir, name)
		if before != 0 {
			require.NoError(t, os.WriteFile(file, []byte("before"), 0o600))
			require.NoError(t, os.Chmod(file, before))
		}
		require.NoError(t, Write(file, []byte("fake-secret")))
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode(), name)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, "fake-secret", string(text))
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 4)
	require.ErrorIs(t, Write(filepath.Join(dir, "nowhere", "file"), nil), os.ErrNotExist)
}
