package logging

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A name on the server may hold what a terminal obeys. The log shows it.
func TestTheLogShowsWhatATerminalWouldObey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	log, _, err := Background(file, true)
	require.NoError(t, err)
	log.Warn("operation failed", "path", "/demo/dev/gpj\u202egolatac\x1b[2J\u2066\u200b", "error", os.ErrNotExist)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), `gpj\u202egolatac\x1b[2J\u2066\u200b`)
}
