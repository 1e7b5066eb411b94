//go:build linux

package mounttable

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The file system of the directory of the tests stands for a mount of ours, if it has
// no block device either, as tmpfs and overlay have none.
func TestWhoUsesAFileSystem(t *testing.T) {
	dir := t.TempDir()
	var st unix.Stat_t
	require.NoError(t, unix.Stat(dir, &st))
	if unix.Major(uint64(st.Dev)) != 0 {
		dir = "/dev/shm" // a tmpfs everywhere
		require.NoError(t, unix.Stat(dir, &st))
	}
	require.Zero(t, unix.Major(uint64(st.Dev)))
	connection := int(unix.Minor(uint64(st.Dev)))
	name := filepath.Join(dir, fmt.Sprint("users-", os.Getpid()))
	require.NoError(t, os.WriteFile(name, []byte("x"), 0o600))
	defer os.Remove(name)
	cmd := exec.Command("sh", "-c", "exec 3<"+name+" 4<"+name+"; echo; read line")
	cmd.Dir = dir
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = out.Read(make([]byte, 1))
	require.NoError(t, err)
	uses := usesOf(fmt.Sprint("/proc/", cmd.Process.Pid), []int{connection})
	require.Contains(t, strings.Join(uses[connection], ", "), "working directory")
	require.Contains(t, strings.Join(uses[connection], ", "), "2 open files")
	found := false
	for _, h := range Users(connection)[connection] {
		found = found || h.PID == cmd.Process.Pid && h.Command == "sh"
		require.NotEqual(t, os.Getpid(), h.PID, "it is somebody else who is asked for")
	}
	require.True(t, found)
	_, err = in.Write([]byte("\n"))
	require.NoError(t, err)
	require.NoError(t, cmd.Wait())
	require.Empty(t, usesOf(fmt.Sprint("/proc/", cmd.Process.Pid), []int{connection}))
	require.Empty(t, Holders())
}
