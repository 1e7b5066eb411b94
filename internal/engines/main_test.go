package engines

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/fusetest"
)

// builtVariable has the directory of the built program. It is set for the tests in
// namespaces of their own, which have no network to get a module with.
const builtVariable = "_ENGINES_BUILT"

var (
	program string // the built binary, with the race detector in it
	tmp     string // everything that these tests make is below; a short path
	base    string // below it: a mount of its own that is shared, for mountpoints
)

func TestMain(m *testing.M) {
	fusetest.HeedSignals()
	flag.Parse()
	dir := os.Getenv(builtVariable)
	if dir == "" {
		dir = build()
		if unavailable() == nil {
			enterNamespaces(dir)
		}
	}
	tmp, program = dir, filepath.Join(dir, "infisicalfs")
	flag.Set("test.parallel", "8") // these tests mostly wait
	if unavailable() == nil {
		prepare()
	}
	code := m.Run()
	stopDocker()
	stopManager()
	unmountAll()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, "left behind:", err)
		code = 1
	}
	os.Exit(code)
}

func build() string {
	dir, err := os.MkdirTemp("", "eng")
	check(err)
	check(os.Chmod(dir, 0o755)) // containers' users look in
	out, err := exec.Command("go", "build", "-race", "-o", filepath.Join(dir, "infisicalfs"), "infisicalfs/cmd/infisicalfs").CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "building: %v\n%s", err, out)
		os.Exit(1)
	}
	return dir
}

// unavailable says what keeps engines from running here.
func unavailable() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("engines want root")
	}
	for _, name := range []string{"dockerd", "podman", "runc", "busybox", "inotifywait", "unshare"} {
		if _, err := exec.LookPath(name); err != nil {
			return err
		}
	}
	return unix.Access("/dev/fuse", unix.R_OK|unix.W_OK)
}

// enterNamespaces runs this program again, with a shell as the first process of a PID
// namespace: it takes in orphans, and with it all else ends.
func enterNamespaces(dir string) {
	unshare, err := exec.LookPath("unshare")
	check(err)
	args := append([]string{"unshare", "--mount", "--propagation=private", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
		"sh", "-c", `"$@"; exit $?`, "sh"}, os.Args...)
	check(syscall.Exec(unshare, args, append(os.Environ(), builtVariable+"="+dir)))
}

// prepare makes the namespaces a place for engines: a network with an address of its
// own, directories in which they and their plugins leave things, and a base for mounts.
func prepare() {
	check(exec.Command("ip", "link", "set", "lo", "up").Run())
	for _, dir := range []string{"/etc/docker", "/run/docker", "/run/systemd"} {
		check(os.MkdirAll(dir, 0o755))
		check(unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"))
	}
	check(os.Mkdir("/run/systemd/system", 0o755)) // without it systemd thinks that it is not in use here
	base = filepath.Join(tmp, "b")
	check(os.MkdirAll(base, 0o755))
	check(unix.Mount(base, base, "", unix.MS_BIND, ""))
	check(unix.Mount("", base, "", unix.MS_SHARED, ""))
	check(makeRootfs(filepath.Join(tmp, "image")))
}

// unmountAll leaves nothing mounted below tmp, where podman binds its storage on itself.
func unmountAll() {
	table, _ := os.ReadFile("/proc/self/mountinfo")
	lines := strings.Split(string(table), "\n")
	for _, line := range slices.Backward(lines) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], tmp+"/") {
			unix.Unmount(fields[4], unix.MNT_DETACH)
		}
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// needEngines skips where engines cannot run, unless that is not accepted.
func needEngines(t *testing.T, programs ...string) {
	t.Helper()
	err := unavailable()
	for _, name := range programs {
		if _, missing := exec.LookPath(name); err == nil {
			err = missing
		}
	}
	switch {
	case err == nil:
	case os.Getenv("REQUIRE_FUSE") != "":
		t.Fatal("REQUIRE_FUSE is set and there are no engines: ", err)
	default:
		t.Skip("no engines: ", err)
	}
}
