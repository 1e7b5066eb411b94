package procend

import (
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// start starts a shell that ends when the returned function is called.
func start(t *testing.T, script string) (cmd *exec.Cmd, proceed func()) {
	cmd = exec.Command("/bin/sh", "-c", "read x; "+script)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return cmd, func() { in.Close() }
}

func TestHowItEnds(t *testing.T) {
	for script, want := range map[string]How{"exit 0": Exited, "exit 9": Exited, "kill -9 $$": Killed, "kill -TERM $$": Killed} {
		for _, reaped := range []bool{true, false} {
			cmd, proceed := start(t, script)
			heard := make(chan How, 1)
			_, err := Watch(cmd.Process.Pid, func(how How) { heard <- how })
			require.NoError(t, err)
			if !reaped {
				proceed()
				how := <-heard
				if script == "exit 0" && how == Unknown {
					how = Exited // the same to callers
				}
				require.Equal(t, want, how, "%s, a zombie", script)
				_ = cmd.Wait()
				continue
			}
			go func() { proceed(); _ = cmd.Wait() }()
			if how := <-heard; how != Unknown { // before Linux 6.15
				require.Equal(t, want, how, script)
			}
		}
	}
}

func TestStoppedWatchIsSilent(t *testing.T) {
	cmd, proceed := start(t, "exit 0")
	stop, err := Watch(cmd.Process.Pid, func(How) { t.Error("it was stopped") })
	require.NoError(t, err)
	stop()
	proceed()
	require.NoError(t, cmd.Wait())
}

func TestNobodyToWatch(t *testing.T) {
	cmd := exec.Command("/bin/true")
	require.NoError(t, cmd.Run())
	_, err := Watch(cmd.Process.Pid, func(How) {})
	require.ErrorIs(t, err, syscall.ESRCH)
}
