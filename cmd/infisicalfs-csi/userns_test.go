package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A pod with hostUsers: false is given its volumes with mapped owners: what only root may read is
// readable for the pod's root, who is nobody special on the node.
func TestUserNamespace(t *testing.T) {
	var name unix.Utsname
	require.NoError(t, unix.Uname(&name))
	var major, minor int
	_, err := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor)
	require.NoError(t, err)
	if major < 6 || major == 6 && minor < 12 {
		t.Skip("before Linux 6.12 no FUSE mount can be idmapped")
	}
	m := newMachine(t)
	m.start()
	r := m.volume("pod", map[string]string{"project": "demo", "env": "dev", "mode": "0400", "dir-mode": "0500"})
	m.publish(r)

	const first = 100000
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: first, Size: 65536}}
	holder := exec.Command("sleep", "1000") // of the namespace
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids}
	require.NoError(t, holder.Start())
	users, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", holder.Process.Pid))
	holder.Process.Kill()
	holder.Wait()
	require.NoError(t, err)
	defer users.Close()
	tree, err := unix.OpenTree(unix.AT_FDCWD, r.TargetPath, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	require.NoError(t, err)
	defer unix.Close(tree)
	require.NoError(t, unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(users.Fd())}))
	file, err := unix.Openat(tree, "GREETING", unix.O_PATH|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(file)
	for uid, wanted := range map[uint32]bool{first: true, first + 1: false} {
		read := exec.Command("cat", "/proc/self/fd/3")
		read.ExtraFiles = []*os.File{os.NewFile(uintptr(dup(t, file)), "GREETING")}
		read.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		out, err := read.Output()
		read.ExtraFiles[0].Close()
		require.Equal(t, wanted, err == nil, "uid %d: %v", uid, err)
		if wanted {
			require.Equal(t, "hello, world", string(out))
		}
	}
}

func dup(t *testing.T, fd int) int {
	t.Helper()
	other, err := unix.Dup(fd)
	require.NoError(t, err)
	return other
}
