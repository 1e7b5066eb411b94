package compat

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// program is the built binary.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "infisicalfs-compat-")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "infisicalfs")
	build := exec.Command("go", "build", "-o", program, "./cmd/infisicalfs")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// needs skips a test that something is missing for, unless that is not accepted:
// a program, /dev/fuse, or the rights of root.
func needs(t *testing.T, things ...string) {
	t.Helper()
	for _, thing := range things {
		var err error
		switch thing {
		case "/dev/fuse":
			_, err = os.Stat(thing)
		case "root":
			if os.Geteuid() != 0 {
				err = os.ErrPermission
			}
		default:
			_, err = exec.LookPath(thing)
		}
		if err != nil {
			lacks(t, thing)
		}
	}
}

// lacks ends a test for which something is not there: with REQUIRE_FUSE that is a failure.
func lacks(t *testing.T, thing string) {
	t.Helper()
	if os.Getenv("REQUIRE_FUSE") != "" {
		t.Fatal("REQUIRE_FUSE is set and there is no ", thing)
	}
	t.Skip("no ", thing)
}

// world is a server, and a mount of demo/dev on it by a process of its own.
type world struct {
	*devserver.Server
	t   *testing.T
	url string
	dir string
}

func newWorld(t *testing.T, flags ...string) *world {
	t.Helper()
	w := newServer(t)
	w.mount(flags...)
	return w
}

// newServer returns a world that is not mounted yet.
func newServer(t *testing.T) *world {
	t.Helper()
	needs(t, "/dev/fuse")
	s, err := devserver.New(devserver.Config{})
	require.NoError(t, err)
	listener := httptest.NewServer(s)
	t.Cleanup(func() { s.Close(); listener.CloseClientConnections(); listener.Close() })
	return &world{s, t, listener.URL, t.TempDir()}
}

// mount mounts the folder / until the test ends.
func (w *world) mount(flags ...string) {
	w.t.Helper()
	t, who := w.t, w.Credentials("admin")
	args := append([]string{"mount", "--project=demo", "--env=dev", "--path=/"}, flags...)
	cmd := exec.Command(program, append(args, w.dir)...)
	cmd.Env = append(os.Environ(),
		"INFISICAL_API_URL="+w.url,
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID="+who.ClientID,
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET="+who.ClientSecret,
		"INFISICAL_ORGANIZATION_ID="+who.OrganizationID,
	)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Cleanup(func() {
		require.Eventually(t, func() bool { return exec.Command(program, "unmount", "--discard", w.dir).Run() == nil }, 20*time.Second, 100*time.Millisecond)
		table, err := os.ReadFile("/proc/self/mountinfo")
		require.NoError(t, err)
		require.NotContains(t, string(table), w.dir+" ")
	})
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// fill makes a folder with these secrets on the server.
func (w *world) fill(folder string, values map[string]string) {
	w.t.Helper()
	require.NoError(w.t, w.Edit(func(e *devserver.Editor) error {
		if err := e.Mkdir("demo", "dev", "/"+folder); err != nil {
			return err
		}
		for name, value := range values {
			if err := e.Set("demo", "dev", "/"+folder, name, value); err != nil {
				return err
			}
		}
		return nil
	}))
}

// set changes a secret on the server, behind the mount's back.
func (w *world) set(name, value string) {
	w.t.Helper()
	require.NoError(w.t, w.Edit(func(e *devserver.Editor) error {
		folder, name := filepath.Split("/" + name)
		return e.Set("demo", "dev", filepath.Clean(folder), name, value)
	}))
}

// running is a program whose output is read line by line.
type running struct {
	t     *testing.T
	name  string
	pid   int // and its process group's
	lines chan string
}

// start starts a program; it is killed when the test ends, with what it started.
func start(t *testing.T, stdin string, name string, args ...string) *running {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	read, write, err := os.Pipe()
	require.NoError(t, err)
	cmd.Stdout, cmd.Stderr = write, write
	require.NoError(t, cmd.Start())
	write.Close()
	r := &running{t, filepath.Base(name), cmd.Process.Pid, make(chan string, 10_000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(r.lines)
		var pending []byte
		buf := make([]byte, 4096)
		for {
			n, err := read.Read(buf)
			pending = append(pending, buf[:n]...)
			for {
				line, rest, ok := strings.Cut(string(pending), "\n")
				if !ok {
					break
				}
				r.lines <- line
				pending = []byte(rest)
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
		read.Close()
		<-done
	})
	return r
}

// noticeLimit is how long a program may take to notice. The mounts poll each second.
const noticeLimit = 30 * time.Second

// says waits for a line with that text in it.
func (r *running) says(text string) {
	r.t.Helper()
	var said []string
	for limit := time.After(noticeLimit); ; {
		select {
		case line, runs := <-r.lines:
			if !runs {
				r.t.Fatalf("%s ended and did not say %q, but %q", r.name, text, said)
			}
			if strings.Contains(line, text) {
				return
			}
			said = append(said, line)
		case <-limit:
			r.t.Fatalf("%s did not say %q, but %q", r.name, text, said)
		}
	}
}
