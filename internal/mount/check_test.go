//go:build linux

package mount

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/attach"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
	"infisicalfs/secret"
)

func TestCheckRefusesWhatIsNoDirectory(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	loop := filepath.Join(dir, "loop")
	require.NoError(t, os.Symlink(loop, loop))
	for path, words := range map[string]string{
		filepath.Join(dir, "none"):         "does not exist",
		filepath.Join(dir, "none", "none"): "does not exist",
		file:                               "not a directory",
		filepath.Join(file, "x"):           "not a directory",
		loop:                               "symbolic links",
		"/":                                "will not mount over /",
		"/proc":                            "will not mount over /proc: nobody could unmount it",
		"/proc/self":                       "will not mount over /proc/",
		"/sys/fs":                          "will not mount over /sys/fs",
		"/dev/../dev/":                     "will not mount over /dev",
	} {
		err := attach.Check(path)
		requireCode(t, exitcode.Mountpoint, err)
		require.ErrorContains(t, err, words, path)
	}
	require.NoError(t, attach.Check(dir))
}

func TestRelativePathsAndLinksBecomeTheRealPath(t *testing.T) {
	real := directory(t)
	dir := t.TempDir()
	require.NoError(t, os.Symlink(real, filepath.Join(dir, "link")))
	t.Chdir(dir)
	m := mounted(t, config("./link", sample()))
	require.Equal(t, real, m.Mountpoint())
	_, err := ReadStatus("link")
	require.NoError(t, err)
	require.NoError(t, unmounted(t.Context(), "link"))
	require.NoError(t, m.Wait())
}

func TestCheckRefusesALiveMount(t *testing.T) {
	m := mounted(t, config(directory(t), sample()))
	known := requireCode(t, exitcode.Mountpoint, attach.Check(m.Mountpoint()))
	require.ErrorContains(t, known, "mounted already")
	require.Contains(t, known.Hint, "infisicalfs unmount")
	_, err := New(t.Context(), config(m.Mountpoint(), sample()))
	require.ErrorContains(t, err, "mounted already")
}

func TestCheckRefusesTheInsideOfAMountWithoutAskingIt(t *testing.T) {
	fake := sample()
	fake.Mkdir(devDir.Child("payments"))
	m := mounted(t, config(directory(t), fake))
	before := fake.Calls().All()
	for _, name := range []string{"payments", "no/such/folder"} {
		err := attach.Check(filepath.Join(m.Mountpoint(), name))
		requireCode(t, exitcode.Mountpoint, err)
		require.ErrorContains(t, err, "is inside the infisicalfs mount")
	}
	require.Equal(t, before, fake.Calls().All())

	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(filepath.Join(m.Mountpoint(), "payments"), link))
	require.ErrorContains(t, attach.Check(link), "is inside the infisicalfs mount")
}

func TestOtherFileSystemsOnTheMountpoint(t *testing.T) {
	needFUSE(t)
	point := directory(t)
	require.NoError(t, unix.Mount("none", point, "tmpfs", 0, "size=64k"))
	require.NoError(t, attach.Check(point), "a tmpfs may be mounted over")

	fd, err := unix.Open(attach.Device, unix.O_RDWR|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	other := directory(t)
	err = unix.Mount("other", other, "fuse.other", 0, "fd="+itoa(fd)+",rootmode=40000,user_id=0,group_id=0")
	require.NoError(t, err)
	unix.Close(fd) // dead, and not ours to heal
	require.ErrorContains(t, attach.Check(other), "fuse.other is mounted there")
	require.ErrorContains(t, unmounted(t.Context(), other), "not of infisicalfs")
}

func TestAHangingMountIsSaidToHang(t *testing.T) {
	needFUSE(t)
	point := directory(t)
	fd, err := attach.Mount(t.Context(), point, mounttable.SourceName, false, PropagateRO) // nobody answers
	require.NoError(t, err)
	err = attach.Check(point)
	requireCode(t, exitcode.Mountpoint, err)
	require.ErrorContains(t, err, "does not answer")
	_, err = ReadStatus(point)
	require.ErrorContains(t, err, "does not answer")
	var failure *exitcode.Error
	require.ErrorAs(t, err, &failure)
	require.Contains(t, failure.Hint, "unmount --discard "+point)
	require.NoError(t, attach.Unmount(t.Context(), point, attach.Forcibly)) // also ends those who still look
	unix.Close(fd)
}

func TestAStaleMountIsHealed(t *testing.T) {
	point := directory(t)
	for range 2 { // the second start heals after the first
		dead := served(t, point)
		require.NoError(t, dead.Process.Kill())
		dead.Wait()
	}
	require.ErrorIs(t, attach.Probe(t.Context(), point), unix.ENOTCONN)
	_, err := ReadStatus(point)
	require.ErrorContains(t, err, "stale")
	require.NoError(t, attach.Check(point))
	mounted(t, config(point, sample()))
	_, err = os.Stat(filepath.Join(point, "GREETING"))
	require.NoError(t, err)
}

func TestValidate(t *testing.T) {
	good := config("/mnt", sample())
	require.NoError(t, good.Validate())
	for name, spoil := range map[string]func(*Config){
		"no mountpoint":      func(c *Config) { c.Mountpoint = "" },
		"no server":          func(c *Config) { c.Upstream = nil },
		"negative duration":  func(c *Config) { c.Cache.TTL = -time.Second },
		"set-uid":            func(c *Config) { c.FS.FileMode = 0o4400 },
		"env alone":          func(c *Config) { c.Root = secret.Dir{Env: "dev", Path: "/"} },
		"path without env":   func(c *Config) { c.Root = secret.Dir{Project: "demo", Path: "/a"} },
		"env without a path": func(c *Config) { c.Root = secret.Dir{Project: "demo", Env: "dev"} },
		"unclean path":       func(c *Config) { c.Root = secret.Dir{Project: "demo", Env: "dev", Path: "/a/"} },
	} {
		cfg := good
		spoil(&cfg)
		require.Equal(t, exitcode.Config, exitcode.Of(cfg.Validate()), name)
	}
}

// A stopped process takes calls, as the kernel does so for it, and answers none.
func TestWhoReplacesAProcessThatHangsGivesUp(t *testing.T) {
	point := directory(t)
	serving := served(t, point)
	top, err := findOurs(t.Context(), point)
	require.NoError(t, err)
	require.NoError(t, serving.Process.Signal(unix.SIGSTOP))
	var stopped unix.WaitStatus
	_, err = unix.Wait4(serving.Process.Pid, &stopped, unix.WUNTRACED, nil) // the last of its threads, too
	require.NoError(t, err)
	require.True(t, stopped.Stopped())
	s := &successor{cfg: config(point, sample()), top: top, inherited: &inheritance{}, away: errors.New("not asked"), patience: 50 * time.Millisecond}
	_, err = s.replace(t.Context())
	requireCode(t, exitcode.Mountpoint, err)
	require.ErrorContains(t, err, "not replaced: "+point+" does not answer")
	require.NoError(t, serving.Process.Signal(unix.SIGCONT))
	_, err = ReadStatus(point)
	require.NoError(t, err, "it is served as before")
}
