//go:build linux

package mount

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"infisicalfs/cache"
	"infisicalfs/fs"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mount/internal/reaper"
	"infisicalfs/internal/mounttable"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// A test that needs another process runs this binary again in a role.
const roleVariable = "MOUNT_TEST_ROLE"

var roles = map[string]func() error{
	"serve":           serveUntilUnmounted,
	"command":         mountInBackground,
	"crash":           crash,
	"next":            next,
	"next that fails": nextThatFails,

	"service":          service,
	"writes meanwhile": writesMeanwhile,

	"private": enterPrivateRoom,
	"user":    beUser,

	"wait for oneself":    waitForOneself,
	"tell while it hangs": tellWhileItHangs,

	"wait for oneself, kept": waitForOneselfKept,
}

func TestMain(m *testing.M) {
	if reaper.Entered() {
		os.Exit(0)
	}
	if role := roles[os.Getenv(roleVariable)]; role != nil {
		if err := role(); err != nil {
			fmt.Println(err)
			os.Exit(exitcode.Of(err))
		}
		os.Exit(0)
	}
	code := m.Run()
	for _, leftover := range []error{mountsLeft(), devicesLeft(os.Getpid()), goleak.Find()} {
		if code == 0 && leftover != nil {
			fmt.Println(leftover)
			code = 1
		}
	}
	os.Exit(code)
}

func mountsLeft() error {
	mounts, err := mounttable.List()
	for _, m := range mounts {
		if strings.HasPrefix(m.Mountpoint, os.TempDir()+"/infisicalfs-test") {
			err = errors.Join(err, fmt.Errorf("%s is still mounted", m.Mountpoint))
		}
	}
	return err
}

// devicesLeft fails if process pid has /dev/fuse open.
func devicesLeft(pid int) error {
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if len(links) == 0 {
		return errors.Join(err, errors.New("no descriptors seen"))
	}
	for _, link := range links {
		if target, _ := os.Readlink(link); target == attach.Device {
			return fmt.Errorf("%s is %s", link, attach.Device)
		}
	}
	return nil
}

// needFUSE skips where nothing can be mounted, unless REQUIRE_FUSE forbids it.
func needFUSE(t testing.TB) {
	t.Helper()
	f, err := os.OpenFile(attach.Device, os.O_RDWR, 0)
	if err == nil {
		f.Close()
	}
	if err == nil && os.Geteuid() == 0 {
		return
	}
	if os.Getenv("REQUIRE_FUSE") != "" {
		t.Fatalf("REQUIRE_FUSE is set, but this is not root with %s: %v", attach.Device, err)
	}
	t.Skipf("needs root and %s: %v", attach.Device, err)
}

// directory returns an empty directory that is unmounted, if need be, and
// removed. Its name is how leftovers are found.
func directory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "infisicalfs-test-")
	require.NoError(t, err)
	t.Cleanup(func() {
		for attach.Unmount(context.Background(), dir, attach.Forcibly) == nil {
		}
		require.NoError(t, os.Remove(dir))
	})
	return dir
}

var devDir = secret.Dir{Project: "demo", Env: "dev", Path: "/"}

// sample is a server with one secret, GREETING in demo/dev.
func sample() *secrettest.Fake {
	fake := secrettest.NewFake()
	fake.Set(devDir, "GREETING", "hello, world")
	return fake
}

func config(point string, up secret.Upstream) Config {
	return Config{
		Mountpoint: point, Root: devDir, Upstream: up, Version: "test",
		Cache: cache.Config{TTL: time.Minute, MaxStale: time.Minute, SoftDeadline: time.Second},
		FS:    fs.Config{UID: uint32(os.Getuid()), GID: uint32(os.Getgid())},
	}
}

// unmounted is the error of Unmount.
func unmounted(ctx context.Context, point string) error {
	_, err := Unmount(ctx, point, false)
	return err
}

// mounted is a mount of this process that ends with the test.
func mounted(t *testing.T, cfg Config) *Mount {
	t.Helper()
	needFUSE(t)
	m, err := New(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// again prepares this binary to run in a role, with more of an environment.
func again(role string, environment ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	// The race detector would have each of them pause for a second at its end.
	cmd.Env = append(os.Environ(), roleVariable+"="+role, "GORACE=atexit_sleep_ms=0")
	cmd.Env = append(cmd.Env, environment...)
	return cmd
}

// served mounts on point in a process of its own.
func served(t testing.TB, point string) *exec.Cmd {
	t.Helper()
	needFUSE(t)
	cmd := again("serve", "POINT="+point)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	word := make([]byte, len("mounted"))
	_, err = out.Read(word)
	require.NoError(t, err)
	require.Equal(t, "mounted", string(word))
	return cmd
}

func serveUntilUnmounted() error {
	m, err := New(context.Background(), config(os.Getenv("POINT"), sample()))
	if err != nil {
		return err
	}
	fmt.Print("mounted")
	return m.Wait()
}

// untilSignal is what a command does with a mount.
func untilSignal(m *Mount) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGINT, unix.SIGTERM)
	select {
	case <-stop:
		return m.Close()
	case <-m.Done():
		return m.Wait()
	}
}

func requireCode(t *testing.T, code int, err error) *exitcode.Error {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, code, exitcode.Of(err), "%v", err)
	require.NotContains(t, err.Error(), "\n")
	known, _ := errors.AsType[*exitcode.Error](err)
	return known
}
