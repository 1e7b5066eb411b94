//go:build linux

package mount

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// shift is where the users of a test's container begin on the host.
const shift = 100000

// mappedBind makes a bind of a mount as container engines make it for a container
// with a user namespace: what belongs to user n belongs in the bind to n + shift.
func mappedBind(t *testing.T, point string) string {
	t.Helper()
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: shift, Size: 65536}}
	holder := exec.Command("sleep", "1000") // of the namespace
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids}
	require.NoError(t, holder.Start())
	users, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", holder.Process.Pid))
	_ = holder.Process.Kill()
	_ = holder.Wait()
	require.NoError(t, err)
	defer users.Close()

	tree, err := unix.OpenTree(unix.AT_FDCWD, point, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	require.NoError(t, err)
	defer unix.Close(tree)
	err = unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(users.Fd())})
	if err != nil && !kernelHasIdmappedFUSE(t) {
		t.Skipf("before Linux 6.12 no FUSE mount can be idmapped: %v", err)
	}
	require.NoError(t, err)
	bind := directory(t)
	require.NoError(t, unix.MoveMount(tree, "", unix.AT_FDCWD, bind, unix.MOVE_MOUNT_F_EMPTY_PATH))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(bind, unix.MNT_DETACH)) })
	require.NoError(t, os.Chmod(filepath.Dir(bind), 0o777|os.ModeSticky)) // TMPDIR may be private
	return bind
}

// kernelHasIdmappedFUSE reports whether it is Linux 6.12 or newer.
func kernelHasIdmappedFUSE(t *testing.T) bool {
	var name unix.Utsname
	require.NoError(t, unix.Uname(&name))
	parts := strings.SplitN(unix.ByteSliceToString(name.Release[:]), ".", 3)
	require.Len(t, parts, 3)
	major, err := strconv.Atoi(parts[0])
	require.NoError(t, err)
	minor, err := strconv.Atoi(parts[1])
	require.NoError(t, err)
	return major > 6 || major == 6 && minor >= 12
}

// inContainer runs a script as a user of the container, and returns what it prints.
func inContainer(t *testing.T, uid uint32, dir, script string) (string, error) {
	t.Helper()
	cmd := exec.Command("bash", "-c", `cd "$0" && `+script, dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: shift + uid, Gid: shift + uid}}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The root of a container, who is nobody special on the host, is in an idmapped bind
// who root is on the host: he reads and writes, and what he makes is his.
func TestIdmappedBind(t *testing.T) {
	cfg, fake := writable(t)
	cfg.AllowOther = true
	m := mounted(t, cfg)
	bind := mappedBind(t, m.point)
	for script, want := range map[string]string{
		"cat GREETING":              "hello, world",
		"stat -c '%u %g %a' .":      "100000 100000 700\n",
		"stat -c %u GREETING":       "100000\n",
		"stat -c %u .infisicalfs":   "100000\n",
		"ls; ls .infisicalfs/":      "GREETING\nrefresh\nrejected\nstatus\n",
		"[ -w GREETING ] && echo y": "y\n",
	} {
		out, err := inContainer(t, 0, bind, script)
		require.NoError(t, err, "%s: %s", script, out)
		require.Equal(t, want, out, script)
	}

	out, err := inContainer(t, 0, bind, `set -e
		echo new > MADE; echo changed > GREETING; mkdir folder; mv MADE MOVED
		echo typed > .tmp.swp; stat -c %u .tmp.swp; chown 100000 .tmp.swp; chmod 640 .tmp.swp; stat -c '%u %a' .tmp.swp
		f=$(mktemp MOVED.XXXXXX); echo better > $f; mv $f MOVED; echo 1 > .infisicalfs/refresh; cat MOVED`)
	require.NoError(t, err, out)
	require.Equal(t, "100000\n100000 640\nbetter\n", out)
	for name, value := range map[string]string{"GREETING": "changed\n", "MOVED": "better\n"} {
		s, ok := fake.Own(devDir, name)
		require.True(t, ok, name)
		require.Equal(t, value, s.Value.Reveal())
	}
	info, err := os.Stat(filepath.Join(m.point, ".tmp.swp"))
	require.NoError(t, err)
	require.Zero(t, info.Sys().(*syscall.Stat_t).Uid, "as the bind maps him")
	require.NoError(t, os.Remove(filepath.Join(m.point, ".tmp.swp"))) // or the end would try to send it

	for _, script := range []string{"cat GREETING", "ls", "cat .infisicalfs/status", "echo x > OTHER", "echo x > .infisicalfs/refresh"} {
		out, err := inContainer(t, 5, bind, script)
		require.Error(t, err, script)
		require.Contains(t, out, "Permission denied", script)
	}
}

// A text that could not be sent is that user's who has typed it, as the host knows
// him: not root's, whom the bind makes of a container's root, and not that of the
// user whom it makes of another.
func TestIdmappedBindAndRejectedTexts(t *testing.T) {
	cfg, fake := writable(t)
	cfg.AllowOther, cfg.FS.FileMode, cfg.FS.DirMode = true, 0o666, 0o777
	m := mounted(t, cfg)
	bind := mappedBind(t, m.point)
	fake.FailWrites(secrettest.KindUpdate, secret.ErrUnavailable)
	fake.FailWrites(secrettest.KindCreate, secret.ErrUnavailable)
	for _, uid := range []uint32{0, 1000} {
		for _, script := range []string{"echo update > GREETING", "echo create > CREATED", "echo moved > .swp; mv .swp GREETING"} {
			out, _ := inContainer(t, uid, bind, script) // the shell does not look at what close says
			require.NotContains(t, out, "Permission denied")
			texts, err := Rejected(t.Context(), m.point)
			require.NoError(t, err)
			require.NotEmpty(t, texts, script)
			for _, text := range texts {
				require.EqualValues(t, shift+uid, text.UID, "%s: %+v", script, text)
				require.NoError(t, RemoveRejected(t.Context(), m.point, text.Name))
			}
		}
	}
	fake.FailWrites(secrettest.KindUpdate, nil)
	fake.FailWrites(secrettest.KindCreate, nil)
}

// Watchers in the container hear of changes by others.
func TestIdmappedBindTellsWatchers(t *testing.T) {
	fake := sample()
	cfg := config(directory(t), fake)
	cfg.FS.Notify, cfg.AllowOther = NotifyFull, true
	m := mounted(t, cfg)
	bind := mappedBind(t, m.point)
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	require.NoError(t, err)
	defer unix.Close(fd)
	_, err = unix.InotifyAddWatch(fd, bind, unix.IN_CLOSE_WRITE|unix.IN_MODIFY|unix.IN_CREATE)
	require.NoError(t, err)
	changeGreeting(t, m, fake, "changed")
	told(t, m, 1)
	ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10000)
	require.NoError(t, err)
	require.Equal(t, 1, ready)
	out, err := inContainer(t, 0, bind, "cat GREETING")
	require.NoError(t, err)
	require.Equal(t, "changed", out)
}
