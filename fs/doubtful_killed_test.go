package fs

import (
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/procend"
	"infisicalfs/internal/fusetest"
)

// A program that is killed has not finished its temporary, whether it has closed
// it or not. With the file open it is told even where the kernel does not say how
// processes end: then the watch knows of an end only.
func TestKilledMakerOfADoubtfulFile(t *testing.T) {
	const create = `python3 -c 'import os,signal; f = os.open("GREETING-us2prod", os.O_WRONLY|os.O_CREAT|os.O_EXCL, 0o600); os.write(f, b"half"); `
	for name, c := range map[string]struct {
		script  string
		untold  bool // the kernel does not say how the process has ended
		arrives bool
	}{
		"open":   {create + `os.kill(os.getpid(), signal.SIGKILL)'`, true, false},
		"closed": {create + `os.close(f); os.kill(os.getpid(), signal.SIGKILL)'`, false, !endsAreTold(t)},
		"another": {create + `os.close(f); import subprocess; subprocess.run(["python3", "-c", """
import os,signal
f = os.open("GREETING-us2prod", os.O_WRONLY|os.O_TRUNC); os.write(f, b"half"); os.kill(os.getpid(), signal.SIGKILL)"""])'`, true, false},
		"exits":        {create + `os.close(f)'`, false, true},
		"exits, fails": {create + `os._exit(3)'`, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(writing)
			if c.untold {
				w.makers.Watch = func(pid int, ended func(procend.How)) (func(), error) {
					return procend.Watch(pid, func(procend.How) { ended(procend.Unknown) })
				}
			}
			mnt := fusetest.Mounted(t, w.Root(), w.Options())
			t.Cleanup(w.Close)
			shell(t, mnt, c.script+` || true`)
			require.Eventually(t, func() bool { return w.Counts().Writes.DoubtfulFiles == 0 }, time.Minute, time.Millisecond)
			s, ok := w.Own(dev, "GREETING-us2prod")
			require.Equal(t, c.arrives, ok)
			if c.arrives {
				require.Equal(t, "half", s.Value.Reveal())
				return
			}
			require.Equal(t, map[string]string{"GREETING-us2prod.1": "half"}, w.rejectedTexts())
		})
	}
}

// endsAreTold reports whether the kernel says how a process has ended whose parent
// has waited for it: since Linux 6.15.
func endsAreTold(t *testing.T) bool {
	cmd := exec.Command("/bin/sh", "-c", "read x; kill -9 $$")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	heard := make(chan procend.How, 1)
	_, err = procend.Watch(cmd.Process.Pid, func(how procend.How) { heard <- how })
	require.NoError(t, err)
	go func() { in.Close(); _ = cmd.Wait() }()
	return <-heard == procend.Killed
}
