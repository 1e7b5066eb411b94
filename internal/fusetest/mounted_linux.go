package fusetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

const (
	device     = "/dev/fuse"
	fstype     = "fuse.fusetest"
	maxMessage = 128 << 10 // bytes in one READ or WRITE, as go-fuse negotiates by default
)

// Run runs test both ways, each on a file system of its own from build.
func Run(t *testing.T, build func(testing.TB) (fusefs.InodeEmbedder, *fusefs.Options), test func(*testing.T, View)) {
	t.Run("direct", func(t *testing.T) {
		root, opts := build(t)
		test(t, Direct(t, root, opts))
	})
	t.Run("mounted", func(t *testing.T) {
		root, opts := build(t)
		test(t, Disk(Mounted(t, root, opts)))
	})
}

// Mounted mounts root on a directory and returns that. When the test ends it is
// unmounted, and the test fails if it was busy or if the mount, a goroutine or a
// descriptor of /dev/fuse is left. It is always mounted with
// default_permissions; AllowOther and ExtraCapabilities are the only mount
// options that opts can add.
func Mounted(t testing.TB, root fusefs.InodeEmbedder, opts *fusefs.Options) string {
	t.Helper()
	return mounted(t, root, opts, func(raw fuse.RawFileSystem) fuse.RawFileSystem { return raw })
}

// MountedThrough is Mounted, and the kernel sees what wrap makes of the file system.
func MountedThrough(t testing.TB, root fusefs.InodeEmbedder, opts *fusefs.Options, wrap func(fuse.RawFileSystem) fuse.RawFileSystem) string {
	t.Helper()
	return mounted(t, root, opts, wrap)
}

// MountedCounting is Mounted, and counts the kernel's messages.
func MountedCounting(t testing.TB, root fusefs.InodeEmbedder, opts *fusefs.Options) (string, *Messages) {
	t.Helper()
	var m *Messages
	dir := mounted(t, root, opts, func(raw fuse.RawFileSystem) fuse.RawFileSystem {
		m = &Messages{RawFileSystem: raw}
		return m
	})
	return dir, m
}

func mounted(t testing.TB, root fusefs.InodeEmbedder, opts *fusefs.Options, wrap func(fuse.RawFileSystem) fuse.RawFileSystem) string {
	t.Helper()
	requireFUSE(t)
	goroutines, descriptors := goleak.IgnoreCurrent(), deviceDescriptors(t)

	dir := t.TempDir()
	if opts == nil {
		opts = &fusefs.Options{}
	}
	server, err := serve(dir, wrap(fusefs.NewNodeFS(root, opts)), opts.MountOptions)
	if err != nil {
		t.Fatalf("cannot mount on %s: %v", dir, err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.Serve()
	}()
	t.Cleanup(func() {
		if err := unmount(dir); err != nil {
			t.Errorf("cannot unmount %s, something is still open: %v", dir, err)
			unix.Unmount(dir, unix.MNT_FORCE) // ends the connection: a close at exit would wait for ourselves
			detach(dir)
		}
		<-served
		if isMounted(t, dir) {
			t.Errorf("%s is still mounted", dir)
		}
		if err := goleak.Find(goroutines); err != nil { // gives them a moment to end
			t.Error(err)
		}
		if n := deviceDescriptors(t); n != descriptors {
			t.Errorf("%d descriptors of %s are open, before the mount there were %d", n, device, descriptors)
		}
	})
	preventPolling(t, dir)
	return dir
}

// requireFUSE skips the test where it cannot mount, or fails it if the
// environment says that it has to.
func requireFUSE(t testing.TB) {
	t.Helper()
	fd, err := unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
		if os.Geteuid() != 0 {
			_, err = exec.LookPath("fusermount3")
		}
	}
	switch {
	case err == nil:
	case os.Getenv("REQUIRE_FUSE") == "1":
		t.Fatalf("no FUSE, although REQUIRE_FUSE=1: %v", err)
	default:
		t.Skipf("no FUSE: %v", err)
	}
}

// serve mounts raw: directly as root, else with fusermount3. In the direct way
// go-fuse's own mount would let children inherit the device.
func serve(dir string, raw fuse.RawFileSystem, opts fuse.MountOptions) (*fuse.Server, error) {
	mo := &fuse.MountOptions{FsName: "fusetest", Name: "fusetest", AllowOther: opts.AllowOther, MaxWrite: maxMessage,
		ExtraCapabilities: opts.ExtraCapabilities}
	if os.Geteuid() != 0 {
		mo.Options = []string{"default_permissions"}
		return fuse.NewServer(raw, dir, mo)
	}
	fd, err := unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	data := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,max_read=%d,default_permissions", fd, maxMessage)
	if opts.AllowOther {
		data += ",allow_other"
	}
	if err := unix.Mount("fusetest", dir, fstype, unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, data); err != nil {
		unix.Close(fd)
		return nil, err
	}
	mo.IDMappedMount = true                                               // as package mount does it, so the kernel names the user of creations only
	server, err := fuse.NewServer(raw, fmt.Sprintf("/dev/fd/%d", fd), mo) // takes fd over
	if err != nil {
		detach(dir)
	}
	return server, err
}

// preventPolling makes the kernel ask once whether files can be polled, from a
// call that may wait. The Go runtime asks from one that may not: with a single
// processor the answer could never come. go-fuse has a file for this.
func preventPolling(t testing.TB, dir string) {
	fd, err := unix.Open(filepath.Join(dir, ".go-fuse-epoll-hack"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("the mount does not answer: %v", err)
	}
	defer unix.Close(fd)
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
}

func unmount(dir string) error {
	if os.Geteuid() == 0 {
		return unix.Unmount(dir, 0)
	}
	return exec.Command("fusermount3", "-u", dir).Run()
}

// detach is the unmount of last resort.
func detach(dir string) {
	if os.Geteuid() == 0 {
		_ = unix.Unmount(dir, unix.MNT_DETACH)
		return
	}
	_ = exec.Command("fusermount3", "-uz", dir).Run()
}

func isMounted(t testing.TB, dir string) bool {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(table), " "+dir+" ")
}

// deviceDescriptors counts the open descriptors of /dev/fuse.
func deviceDescriptors(t testing.TB) (n int) {
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && target == device {
			n++
		}
	}
	return n
}
