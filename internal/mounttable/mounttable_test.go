//go:build linux

package mounttable

import (
	"os"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/require"
)

// A dead mount of ours on /mnt/a with a new one on top, one elsewhere, a bind of a
// part of that, and file systems of others.
const lines = `20 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw
30 20 0:40 / /mnt/a rw,nosuid shared:2 - fuse.infisicalfs demo rw,user_id=0,group_id=0,default_permissions,allow_other
31 30 0:41 / /mnt/a rw,nosuid - fuse.infisicalfs demo rw,user_id=0,group_id=0,default_permissions
32 20 0:42 / /mnt/b rw - fuse.infisicalfs infisicalfs rw,user_id=1000,group_id=1000
33 20 0:42 /demo /mnt/part rw - fuse.infisicalfs infisicalfs rw,user_id=1000,group_id=1000
34 20 0:43 / /mnt/ssh rw - fuse.sshfs host: rw,user_id=x
35 20 0:44 / /mnt/win rw - fuseblk /dev/sdb1 rw
`

func read(t *testing.T) Table {
	mounts, err := mountinfo.GetMountsFromReader(strings.NewReader(lines), nil)
	require.NoError(t, err)
	return mounts
}

func TestWhatLiesOnWhat(t *testing.T) {
	mounts := read(t)
	top := mounts.At("/mnt/a")
	require.Equal(t, 31, top.ID, "the one that no other is mounted on")
	require.Equal(t, 30, mounts.Below(top).ID)
	require.Nil(t, mounts.Below(mounts.Below(top)), "the root is elsewhere")
	require.Equal(t, 20, mounts.Parent(mounts.Below(top)).ID)
	require.Nil(t, mounts.Parent(nil))
	require.Nil(t, mounts.At("/mnt"))
	require.True(t, Shared(mounts.Parent(mounts.At("/mnt/b"))))
	require.False(t, Shared(top))
	require.False(t, Shared(nil))
}

func TestWhichAreOurs(t *testing.T) {
	mounts := read(t)
	require.True(t, Ours(mounts.At("/mnt/a")))
	require.False(t, Ours(mounts.At("/mnt/ssh")))
	require.False(t, Ours(nil))
	for point, fuse := range map[string]bool{"/mnt/a": true, "/mnt/ssh": true, "/mnt/win": true, "/": false, "/none": false} {
		require.Equal(t, fuse, IsFUSE(mounts.At(point)), point)
	}
	require.True(t, mounts.Has("/mnt/a", 40), "also below another")
	require.True(t, mounts.Has("/mnt/a", 41))
	require.False(t, mounts.Has("/mnt/a", 42))
	require.False(t, mounts.Has("/mnt/ssh", 43))
	require.True(t, mounts.Connected(42))
	require.False(t, mounts.Connected(43), "somebody else's")
	require.Equal(t, "/mnt/b", mounts.Whole(42).Mountpoint, "the other shows a part")
	require.Nil(t, mounts.Whole(43))
}

func TestWhatIsInside(t *testing.T) {
	mounts := read(t)
	for path, around := range map[string]string{
		"/mnt/b/demo": "/mnt/b", "/mnt/b": "", "/mnt/bb": "", "/mnt/ssh/x": "", "/": "",
	} {
		m := mounts.Around(path)
		if around == "" {
			require.Nil(t, m, path)
		} else {
			require.Equal(t, around, m.Mountpoint, path)
		}
	}
}

func TestWhoseItIs(t *testing.T) {
	mounts := read(t)
	require.Equal(t, Info{Mountpoint: "/mnt/a", UID: 0}, Describe(mounts.At("/mnt/a")))
	require.Equal(t, Info{Mountpoint: "/mnt/a", UID: 0, AllowOther: true}, Describe(mounts.Below(mounts.At("/mnt/a"))))
	require.Equal(t, Info{Mountpoint: "/mnt/ssh", UID: -1}, Describe(mounts.At("/mnt/ssh")), "the table does not say")
}

func TestHoldersInAnErrorText(t *testing.T) {
	require.Equal(t, "process 7 (bash: working directory, 2 open files)", Holder{PID: 7, Command: "bash", Uses: []string{"working directory", "2 open files"}}.String())
	require.Contains(t, HeldBy(make([]Holder, 25)), ", and 5 more")
	require.Empty(t, HeldBy(nil))
	require.Equal(t, "the bind mount /srv, process 7 (sleep) at /mnt", HeldBy([]Holder{{Mountpoint: "/srv"}, {PID: 7, Command: "sleep", Mountpoint: "/mnt"}}))
}

func TestTheListOfThisProcess(t *testing.T) {
	mounts, err := Read()
	require.NoError(t, err)
	require.NotNil(t, mounts.At("/"))
	of, err := Of("/proc/self")
	require.NoError(t, err)
	require.Equal(t, mounts.At("/"), of.At("/"))
	_, err = Of("/proc/0")
	require.Error(t, err)
	require.Contains(t, Processes(), os.Getpid())
}
