package fs

import (
	"bufio"
	"io"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/fusetest"
)

// A shell that redirects opens the file, copies the descriptor, closes the first,
// and asks what it writes to. It is not kept waiting for a close that has not come.
func TestWhoHasTheFileOpenIsNotKeptWaiting(t *testing.T) {
	w := newWorld(writing)
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	t.Cleanup(w.Close)
	for _, name := range []string{"NEW", "GREETING"} {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", `exec 3>"$0" 4>&3 4>&- && test -f /dev/fd/3 && test -f "$0" && echo asked && read`,
			filepath.Join(mnt, "demo/dev", name))
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		said, err := bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "asked\n", said)
		writers := w.drafts.of(dev, name)
		require.Len(t, writers, 1)
		require.True(t, writers[0].buffer.LooksClosed(), "one descriptor was closed")
		require.True(t, writers[0].stillOpen())
		require.True(t, writers[0].buffer.LooksClosed(), "it was not waited for in vain")
		_, err = io.WriteString(in, "go on\n")
		require.NoError(t, err)
		require.NoError(t, cmd.Wait())
	}
}

// A handle is let go when no request holds it any more: one that waited for that
// would wait for itself, and whoever opens the file next would not wait at all.
func TestARequestDoesNotWaitForTheHandleThatItHolds(t *testing.T) {
	w := newWorld(writing)
	t.Cleanup(w.Close)
	v := fusetest.Direct(t, w.Root(), w.Options())
	f, err := v.Open("demo/dev/GREETING", unix.O_WRONLY|unix.O_TRUNC)
	require.NoError(t, err)
	h := w.drafts.of(dev, "GREETING")[0]
	h.buffer.Flushed() // RELEASE is on its way
	require.True(t, h.buffer.LooksClosed())
	require.False(t, h.stillOpen())
	_, err = f.Stat()
	require.NoError(t, err)
	require.True(t, h.buffer.LooksClosed(), "it was not waited for in vain")
	require.NoError(t, f.Close())
}
