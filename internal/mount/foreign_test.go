//go:build linux

package mount

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/fs"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/blocking"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret/secrettest"
)

// openDevice returns a descriptor of /dev/fuse, which the file system closes.
func openDevice(t *testing.T) int {
	t.Helper()
	needFUSE(t)
	fd, err := unix.Open(attach.Device, unix.O_RDWR|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	return fd
}

// mountDescriptor mounts fd as others do, with nothing checked by the kernel, and
// returns where.
func mountDescriptor(t *testing.T, fd int) string {
	t.Helper()
	point := directory(t)
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd)
	require.NoError(t, unix.Mount("fuse", point, "fuse", unix.MS_NOSUID|unix.MS_NODEV, options))
	t.Cleanup(func() { _ = unix.Unmount(point, unix.MNT_DETACH) })
	require.NoError(t, os.Chmod(filepath.Dir(point), 0o777|os.ModeSticky)) // TMPDIR may be private
	return point
}

// servedDescriptor serves on a descriptor: what is at point is this process's until the test unmounts it.
func servedDescriptor(t *testing.T, change ...func(*Config)) (point string, m *Mount, fake *secrettest.Fake) {
	t.Helper()
	fd := openDevice(t)
	point = mountDescriptor(t, fd)
	cfg, fake := writable(t)
	cfg.Mountpoint = fmt.Sprintf("/dev/fd/%d", fd)
	cfg.FS.Notify = NotifyFull // is not possible, and no reason to fail
	for _, c := range change {
		c(&cfg)
	}
	m, err := New(t.Context(), cfg)
	require.NoError(t, err)
	// Or a Go program could not open files of its own mount: nobody has asked for a poll yet.
	require.NoError(t, blocking.Apart(func() error { return attach.SettlePoll(point) }))
	t.Cleanup(func() {
		require.NoError(t, unix.Unmount(point, unix.MNT_DETACH))
		select {
		case <-m.Done():
		case <-time.After(10 * time.Second):
			t.Error("the kernel has let go, and the mount goes on")
		}
		require.NoError(t, m.Close())
	})
	return point, m, fake
}

// as runs a script in dir as another user.
func as(who syscall.Credential, dir, script string) (string, error) {
	cmd := exec.Command("bash", "-c", `cd "$0" && `+script, dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &who}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestForeignMount(t *testing.T) {
	point, m, fake := servedDescriptor(t)
	require.Regexp(t, "^/dev/fd/", m.Mountpoint())
	text, err := os.ReadFile(filepath.Join(point, "GREETING"))
	require.NoError(t, err)
	require.Equal(t, "hello, world", string(text))
	require.NoError(t, os.WriteFile(filepath.Join(point, "GREETING"), []byte("changed"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(point, "MADE"), []byte("new"), 0o600))
	require.NoError(t, os.Rename(filepath.Join(point, "MADE"), filepath.Join(point, "MOVED")))
	for name, value := range map[string]string{"GREETING": "changed", "MOVED": "new"} {
		s, ok := fake.Own(devDir, name)
		require.True(t, ok, name)
		require.Equal(t, value, s.Value.Reveal())
	}
	status, err := os.ReadFile(filepath.Join(point, ".infisicalfs/status"))
	require.NoError(t, err)
	require.Contains(t, string(status), m.Mountpoint())
}

// The kernel checks nothing, so we do: also of what root has just looked up, and what
// the kernel therefore knows.
func TestForeignMountChecksPermissions(t *testing.T) {
	point, _, fake := servedDescriptor(t, func(c *Config) {
		c.FS.UID, c.FS.GID, c.FS.FileMode, c.FS.DirMode = 1000, 2000, 0o640, 0o750
	})
	var (
		owner  = syscall.Credential{Uid: 1000, Gid: 1000}
		group  = syscall.Credential{Uid: 1001, Gid: 1001, Groups: []uint32{7, 2000}}
		others = syscall.Credential{Uid: 1002, Gid: 1002}
	)
	require.NoError(t, os.Mkdir(filepath.Join(point, "folder"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(point, "folder/DEEP"), []byte("deep"), 0o600))
	out, err := exec.Command("cat", filepath.Join(point, "GREETING"), filepath.Join(point, "folder/DEEP"), filepath.Join(point, ".infisicalfs/status")).CombinedOutput()
	require.NoError(t, err, "%s", out)

	allowed := func(who syscall.Credential, script, want string) {
		t.Helper()
		out, err := as(who, "/", "M="+point+"; "+script)
		require.NoError(t, err, "%s: %s", script, out)
		require.Equal(t, want, out, script)
	}
	denied := func(who syscall.Credential, scripts ...string) {
		t.Helper()
		for _, script := range scripts {
			out, err := as(who, "/", "M="+point+"; "+script)
			require.Error(t, err, script)
			require.Regexp(t, "Permission denied|Operation not permitted", out, script)
		}
	}
	for _, who := range []syscall.Credential{owner, group} {
		allowed(who, "cat $M/GREETING $M/folder/DEEP", "hello, worlddeep")
		allowed(who, "ls $M", "GREETING\nfolder\n")
		allowed(who, "cd $M/folder && cat DEEP", "deep")
		allowed(who, "test -r $M/GREETING && getfattr --absolute-names -n user.infisical.version --only-values $M/GREETING >/dev/null", "")
		denied(who, "cat $M/.infisicalfs/status", "ls $M/.infisicalfs", "echo x > $M/.infisicalfs/refresh")
	}
	allowed(owner, "cd $M && printf mine > OWN && printf more > GREETING && mv OWN OTHER && rm OTHER && mkdir new && rmdir new && touch GREETING", "")
	denied(group, "echo x > $M/GREETING", "echo x > $M/NEW", "rm -f $M/GREETING", "mv $M/GREETING $M/X", "mkdir $M/x", "rmdir $M/folder",
		"truncate -s 0 $M/GREETING", "touch $M/GREETING", "chmod 666 $M/GREETING", "setfattr -n user.infisical.comment -v x $M/GREETING", "ln -s a $M/b", "ln $M/GREETING $M/b")
	denied(others, "cat $M/GREETING", "cat $M/folder/DEEP", "ls $M", "ls $M/folder", "cd $M", "cd $M/folder", "stat $M/GREETING", "echo x > $M/GREETING",
		"echo x > $M/NEW", "rm -f $M/GREETING", "stat $M/.infisicalfs", "getfattr --absolute-names -n user.infisical.version $M/GREETING", "chown 1002 $M/GREETING")
	s, ok := fake.Own(devDir, "GREETING")
	require.True(t, ok)
	require.Equal(t, "more", s.Value.Reveal())
}

// A text that could not be sent belongs to who wrote it: here the kernel says who.
func TestForeignMountKnowsWhoWrites(t *testing.T) {
	point, m, fake := servedDescriptor(t, func(c *Config) { c.FS.FileMode, c.FS.DirMode = 0o666, 0o777 })
	fake.FailWrites(secrettest.KindUpdate, syscall.EIO)
	out, _ := as(syscall.Credential{Uid: 1002, Gid: 1002}, point, "echo typed > GREETING")
	require.Len(t, m.rooms.tree.Rejected(), 1, out)
	require.EqualValues(t, 1002, m.rooms.tree.Rejected()[0].UID)
	require.True(t, m.rooms.tree.RemoveRejected(m.rooms.tree.Rejected()[0].Name))
}

func TestDescriptorsThatCannotBeServed(t *testing.T) {
	needFUSE(t)
	cfg := config("/dev/fd/999", sample())
	_, err := New(t.Context(), cfg)
	requireCode(t, exitcode.Mountpoint, err)

	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	cfg.Mountpoint = fmt.Sprintf("/dev/fd/%d", r.Fd())
	_, err = New(t.Context(), cfg)
	requireCode(t, exitcode.Mountpoint, err)
	require.ErrorContains(t, err, "is not /dev/fuse")

	cfg.Mountpoint, cfg.FS.KernelCache, cfg.ReadOnly = "/dev/fd/3", fs.CacheFull, true
	_, err = New(t.Context(), cfg)
	requireCode(t, exitcode.Config, err)
	require.ErrorContains(t, err, "when it is opened")
}

// Whoever hands over a descriptor may mount it a moment later, and may not mount it at all.
func TestDescriptorIsMountedLater(t *testing.T) {
	fd := openDevice(t)
	started, failed := make(chan *Mount, 1), make(chan error, 1)
	cfg := config(fmt.Sprintf("/dev/fd/%d", fd), sample())
	go func() {
		m, err := New(t.Context(), cfg)
		started <- m
		failed <- err
	}()
	select {
	case <-started:
		t.Fatal("it serves what nobody has mounted", <-failed)
	case <-time.After(100 * time.Millisecond):
	}
	point := mountDescriptor(t, fd)
	m := <-started
	require.NoError(t, <-failed)
	require.NoError(t, blocking.Apart(func() error { return attach.SettlePoll(point) }))
	text, err := os.ReadFile(filepath.Join(point, "GREETING"))
	require.NoError(t, err)
	require.Equal(t, "hello, world", string(text))
	require.NoError(t, unix.Unmount(point, unix.MNT_DETACH))
	require.NoError(t, m.Wait())

	never := openDevice(t)
	defer unix.Close(never)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	cfg.Mountpoint = fmt.Sprintf("/dev/fd/%d", never)
	_, err = New(ctx, cfg)
	requireCode(t, exitcode.Mountpoint, err)
	require.ErrorContains(t, err, "the kernel asks nothing")
}
