//go:build linux

package caller

import (
	"math"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUser(t *testing.T) {
	uid, ok := User(uint32(os.Getpid()))
	require.True(t, ok)
	require.EqualValues(t, os.Geteuid(), uid)
	for _, nobody := range []uint32{0, math.MaxInt32} {
		_, ok := User(nobody)
		require.False(t, ok)
	}
}

// The user for file systems counts, which is the last of four.
func TestUserForFileSystems(t *testing.T) {
	s, err := parseStatus("Name:\tUid: 9\nTgid:\t7\nUid:\t1\t2\t3\t4294967294\nGid:\t5\t6\t7\t8\n")
	require.NoError(t, err)
	require.True(t, s.hasUser)
	require.EqualValues(t, math.MaxUint32-1, s.user)
	for _, text := range []string{"Tgid:\t7\n", "Tgid:\t7\nUid:\t1\t2\t3\n", "Tgid:\t7\nUid:\t1\t2\t3\tx\n"} {
		s, err := parseStatus(text)
		require.NoError(t, err)
		require.False(t, s.hasUser, text)
	}
}

func TestGroups(t *testing.T) {
	s, err := parseStatus("Tgid:\t7\nGroups:\t4 24 4294967294 \n")
	require.NoError(t, err)
	require.Equal(t, []uint32{4, 24, math.MaxUint32 - 1}, s.groups)
	mine, err := os.Getgroups()
	require.NoError(t, err)
	for _, gid := range mine {
		require.Contains(t, Groups(uint32(os.Getpid())), uint32(gid))
	}
	require.Empty(t, Groups(0))
	require.Empty(t, Groups(math.MaxInt32))
}

// What was said of a thread a moment ago does not count.
func TestUserIsNotRemembered(t *testing.T) {
	if os.Geteuid() != 0 {
		require.Empty(t, os.Getenv("REQUIRE_FUSE"), "only root can be somebody else")
		t.Skip("only root can be somebody else")
	}
	cmd := exec.Command("sleep", "100")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4711, Gid: 4711}}
	require.NoError(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	uid, ok := User(uint32(cmd.Process.Pid))
	require.True(t, ok)
	require.EqualValues(t, 4711, uid)
}
