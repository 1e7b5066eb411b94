package daemon

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is hidden is not in /proc, is still there for the program and for those that it
// starts, and nothing else has changed.
func TestHiddenVariables(t *testing.T) {
	if os.Getenv("HIDDEN_TEST") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestHiddenVariables$")
		cmd.Env = append(os.Environ(), "HIDDEN_TEST=1", "FIRST=plain", "HIDDEN=canary-0123=456", "EMPTY=", "HIDDEN_TOO=canary", "LAST=as it was")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return
	}
	before, err := os.ReadFile("/proc/self/environ")
	require.NoError(t, err)
	require.Contains(t, string(before), "canary")
	HideVariables(func(name, _ string) bool { return name == "HIDDEN" || name == "HIDDEN_TOO" || name == "EMPTY" })
	shown, err := os.ReadFile("/proc/self/environ")
	require.NoError(t, err)
	require.NotContains(t, string(shown), "canary")
	require.Len(t, shown, len(before))
	require.Contains(t, string(shown), "\x00FIRST=plain\x00HIDDEN=\x00")
	require.Contains(t, string(shown), "\x00LAST=as it was\x00")
	require.Equal(t, "canary-0123=456", os.Getenv("HIDDEN"))
	require.Contains(t, os.Environ(), "HIDDEN_TOO=canary")
	require.Contains(t, os.Environ(), "LAST=as it was")
	out, err := exec.Command("sh", "-c", `printf %s "$HIDDEN"`).Output()
	require.NoError(t, err)
	require.Equal(t, "canary-0123=456", string(out))
}
