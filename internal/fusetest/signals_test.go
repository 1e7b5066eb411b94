package fusetest

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a test starts ends by a signal that the caller of the tests ignores.
func TestHeedSignals(t *testing.T) {
	if os.Getenv("FUSETEST_ROLE") == "nohup" {
		HeedSignals()
		err := exec.Command("sh", "-c", "kill -HUP $$").Run()
		require.ErrorContains(t, err, "hangup")
		return
	}
	again := exec.Command("sh", "-c", `trap "" HUP; exec "$0" -test.run='^TestHeedSignals$'`, os.Args[0])
	again.Env = append(os.Environ(), "FUSETEST_ROLE=nohup")
	out, err := again.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
