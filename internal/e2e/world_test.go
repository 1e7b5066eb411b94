package e2e

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
	"infisicalfs/internal/fusetest"
)

var (
	program string // the built binary, with the race detector in it
	base    string // everything that these tests make is below
)

// racing are options of the race detector. By default each process with it would
// sleep for a second before it ends, and each mount waits for the end of three.
const racing = "atexit_sleep_ms=10"

func TestMain(m *testing.M) {
	fusetest.HeedSignals()
	dir, err := os.MkdirTemp("", "infisicalfs-e2e-")
	if err != nil {
		panic(err)
	}
	base, program = dir, filepath.Join(dir, "infisicalfs")
	build := exec.Command("go", "build", "-race", "-o", program, "infisicalfs/cmd/infisicalfs")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building: %v\n%s", err, out)
		os.Exit(1)
	}
	os.Setenv("GORACE", racing) // of all that these tests start
	flag.Parse()
	flag.Set("test.parallel", "8") // these tests mostly wait
	code := m.Run()
	if left := mounts(); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "mounts left behind: %q\n", left)
		code = 1
	} else {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// mounts lists the mounts that this test made and that are still there.
func mounts() []string {
	text, _ := os.ReadFile("/proc/self/mountinfo")
	var list []string
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, " - fuse.infisicalfs ") && strings.Contains(line, base) {
			list = append(list, line)
		}
	}
	return list
}

// needFUSE skips where nothing can be mounted, unless that is not accepted.
func needFUSE(t *testing.T) {
	t.Helper()
	if err := unix.Access("/dev/fuse", unix.R_OK|unix.W_OK); err != nil {
		if os.Getenv("REQUIRE_FUSE") != "" {
			t.Fatal("REQUIRE_FUSE is set and /dev/fuse cannot be used: ", err)
		}
		t.Skip("no FUSE")
	}
}

// world is a server that speaks HTTP over a socket.
type world struct {
	*devserver.Server
	url string
	tmp string
}

func newWorld(t *testing.T, cfg devserver.Config) *world {
	t.Helper()
	s, err := devserver.New(cfg)
	require.NoError(t, err)
	listener := httptest.NewServer(s)
	t.Cleanup(func() { s.Close(); listener.CloseClientConnections(); listener.Close() })
	tmp, err := os.MkdirTemp(base, "world-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(tmp) })
	return &world{s, listener.URL, tmp}
}

// each runs test against every kind of server.
func each(t *testing.T, test func(t *testing.T, profile devserver.Profile)) {
	for _, profile := range devserver.Profiles() {
		t.Run(string(profile), func(t *testing.T) { test(t, profile) })
	}
}

// fullMatrix reports whether a long list of cases is tried in full at this kind of
// server. At one that differs from another only in what the cases do not touch a
// few of them stand for all.
func fullMatrix(profile devserver.Profile) bool {
	return profile == devserver.Current || profile == devserver.Y2024
}

func (w *world) edit(t *testing.T, change func(*devserver.Editor) error) {
	t.Helper()
	require.NoError(t, w.Edit(change))
}

// environ is what a user would have exported to reach the server as identity.
func (w *world) environ(identity string) []string {
	who := w.Credentials(identity)
	return append(cleanEnviron(),
		"INFISICAL_API_URL="+w.url,
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID="+who.ClientID,
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET="+who.ClientSecret,
		"INFISICAL_ORGANIZATION_ID="+who.OrganizationID,
	)
}

// cleanEnviron is the environment without what would change the program's mind.
func cleanEnviron() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "INFISICAL") && !strings.HasPrefix(v, "_INFISICAL") {
			env = append(env, v)
		}
	}
	return env
}

// mounted is a mount by a process in the background.
type mounted struct {
	dir, log string
	pid      int
}

var mountNumber = sync.OnceValue(func() *counter { return &counter{} })

type counter struct {
	mu sync.Mutex // guards n
	n  int
}

func (c *counter) next() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return c.n
}

// mount runs "infisicalfs mount" as a user would, as the named identity. The
// mount is gone, and its process too, when the test ends; a data race in the
// process fails the test.
func (w *world) mount(t *testing.T, identity string, flags ...string) *mounted {
	t.Helper()
	return w.mountWith(t, program, identity, flags...)
}

// mountWith is mount with another build of the program.
func (w *world) mountWith(t *testing.T, program, identity string, flags ...string) *mounted {
	t.Helper()
	return w.mountIn(t, program, w.environ(identity), flags...)
}

// mountIn is mountWith in an environment that is given, with all that is in it to log in with.
func (w *world) mountIn(t *testing.T, program string, environ []string, flags ...string) *mounted {
	t.Helper()
	needFUSE(t)
	name := filepath.Join(w.tmp, fmt.Sprint(mountNumber().next()))
	m := &mounted{dir: name + "-mnt", log: name + ".log"}
	require.NoError(t, os.Mkdir(m.dir, 0o755))
	cmd := exec.Command(program, append(append([]string{"mount", "--log-file", m.log}, flags...), m.dir)...)
	cmd.Env = append(slices.Clone(environ), "GORACE="+racing+" log_path="+name+".race")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	m.pid = m.status(t).PID
	t.Cleanup(func() {
		m.unmount(t)
		races, _ := filepath.Glob(name + ".race*")
		for _, file := range races {
			text, _ := os.ReadFile(file)
			t.Errorf("%s", text)
		}
	})
	return m
}

// unmount may be called more than once. It waits for the process. Text that only
// the mount has is given up.
func (m *mounted) unmount(t *testing.T) {
	t.Helper()
	if exec.Command(program, "unmount", m.dir).Run() != nil {
		exec.Command(program, "unmount", "--discard", m.dir).Run()
	}
	fd, err := unix.PidfdOpen(m.pid, 0)
	if err != nil {
		return // gone
	}
	defer unix.Close(fd)
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(poll, 60_000)
		if err == unix.EINTR {
			continue
		}
		if n == 0 || err != nil {
			t.Errorf("the process %d is still there a minute after the unmount", m.pid)
			unix.Kill(m.pid, unix.SIGKILL)
			exec.Command(program, "unmount", "--discard", m.dir).Run()
		}
		return
	}
}

func (m *mounted) path(elements ...string) string {
	return filepath.Join(append([]string{m.dir}, elements...)...)
}

// status is the part of the status document that the tests look at.
type status struct {
	PID    int
	Server struct {
		Requests map[string]int
		Total    int `json:"requests_total"`
	}
	Cache struct {
		Bytes  int64
		Stale  int
		Purges int
	}
	FS struct {
		Open          int
		LastViewError string `json:"last_view_error"`
		Writes        struct {
			LostUpdates int `json:"lost_updates"`
		}
	}
}

func (m *mounted) status(t *testing.T) status {
	t.Helper()
	text, err := os.ReadFile(m.path(".infisicalfs", "status"))
	require.NoError(t, err)
	var s status
	require.NoError(t, json.Unmarshal(text, &s))
	return s
}

// refresh makes everything stale.
func (m *mounted) refresh(t *testing.T) {
	t.Helper()
	require.NoError(t, os.WriteFile(m.path(".infisicalfs", "refresh"), []byte("\n"), 0))
}

// sh runs a shell command in dir and returns what it prints.
func sh(t *testing.T, dir, command string) string {
	t.Helper()
	cmd := shell(dir, command)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), "%s: %s", command, stderr.String())
	require.Empty(t, stderr.String(), command)
	return stdout.String()
}

// within fails the test if do takes longer than limit.
func within(t *testing.T, limit time.Duration, what string, do func()) {
	t.Helper()
	began := time.Now()
	do()
	if took := time.Since(began); took > limit {
		t.Errorf("%s took %s, which is more than %s", what, took, limit)
	}
}
