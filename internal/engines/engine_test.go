package engines

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// waitLimit is how long is waited for what has to happen. Only a failure takes as long.
const waitLimit = 60 * time.Second

// engine is Docker or Podman.
type engine struct {
	name    string
	command func(args ...string) *exec.Cmd
}

var (
	dockerOnce = sync.OnceValues(startDocker)
	podmanOnce = sync.OnceValues(preparePodman)
)

func docker(t *testing.T) *engine { return engineOf(t, dockerOnce) }

func podman(t *testing.T) *engine { return engineOf(t, podmanOnce) }

func engineOf(t *testing.T, once func() (*engine, error)) *engine {
	t.Helper()
	needEngines(t)
	e, err := once()
	require.NoError(t, err)
	return e
}

// bothEngines runs test with each engine.
func bothEngines(t *testing.T, test func(t *testing.T, e *engine)) {
	needEngines(t)
	t.Run("docker", func(t *testing.T) { t.Parallel(); test(t, docker(t)) })
	t.Run("podman", func(t *testing.T) { t.Parallel(); test(t, podman(t)) })
}

// dockerd is the daemon that tests share, nil before the first asks for it.
var dockerd *daemon

// daemon is a dockerd that keeps everything in a directory. It has no network.
type daemon struct {
	dir   string
	flags []string
	cmd   *exec.Cmd
}

// start starts it and waits until it answers.
func (d *daemon) start() (*engine, error) {
	command, err := client(d.dir)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(d.dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	d.cmd = exec.Command("dockerd", append([]string{"--iptables=false", "--ip6tables=false", "--bridge=none",
		"--exec-opt=native.cgroupdriver=cgroupfs", "--cgroup-parent=/infisicalfs-engines",
		"--data-root=" + d.dir + "/data", "--exec-root=" + d.dir + "/exec", "--pidfile=" + d.dir + "/pid",
		"--host=unix://" + d.dir + "/sock", "--shutdown-timeout=5"}, d.flags...)...)
	d.cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	d.cmd.Stdout, d.cmd.Stderr = log, log
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	if !eventually(func() bool { return command("version").Run() == nil }) {
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("dockerd does not answer:\n%s", text)
	}
	return &engine{"docker", command}, nil
}

func (d *daemon) stop() {
	d.cmd.Process.Signal(unix.SIGTERM)
	d.cmd.Wait()
}

// client returns what runs docker for the dockerd of a directory: the one of
// its own package, as a newer one elsewhere in PATH may not speak with it.
func client(dir string) (func(args ...string) *exec.Cmd, error) {
	path, err := exec.LookPath("docker")
	if _, missing := os.Stat("/usr/bin/docker"); missing == nil {
		path, err = "/usr/bin/docker", nil
	}
	return func(args ...string) *exec.Cmd {
		cmd := exec.Command(path, args...)
		cmd.Env = append(os.Environ(), dockerEnviron(dir)...)
		return cmd
	}, err
}

func dockerEnviron(dir string) []string {
	return []string{"DOCKER_HOST=unix://" + dir + "/sock", "DOCKER_CONFIG=" + dir + "/config"}
}

func dockerDir() string { return filepath.Join(tmp, "d") }

func startDocker() (*engine, error) {
	if err := os.Mkdir(dockerDir(), 0o755); err != nil {
		return nil, err
	}
	dockerd = &daemon{dir: dockerDir()}
	e, err := dockerd.start()
	if err != nil {
		return nil, err
	}
	return e, importImage(e.command)
}

// stopDocker lets dockerd clean up the machine's cgroups; all else ends with the
// namespaces.
func stopDocker() {
	if dockerd == nil {
		return
	}
	dockerd.stop()
	groups, _ := filepath.Glob("/sys/fs/cgroup/*/infisicalfs-engines")
	for _, group := range append(groups, "/sys/fs/cgroup/infisicalfs-engines") {
		os.Remove(group)
	}
}

// preparePodman returns a podman that keeps everything below tmp, and does what it does
// with runc: another runtime of Debian's wants cgroups that not every machine has.
func preparePodman() (*engine, error) {
	dir := filepath.Join(tmp, "p")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	config := `[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
[engine.volume_plugins]
`
	for i := range pluginNames {
		name := pluginName(i)
		config += fmt.Sprintf("%s = %q\n", name, pluginSocket(name))
	}
	file := filepath.Join(dir, "containers.conf")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return nil, err
	}
	e := &engine{"podman", func(args ...string) *exec.Cmd {
		cmd := exec.Command("podman", append([]string{"--root=" + dir + "/root", "--runroot=" + dir + "/run", "--tmpdir=" + dir + "/tmp"}, args...)...)
		cmd.Env = append(os.Environ(), "CONTAINERS_CONF="+file)
		return cmd
	}}
	return e, importImage(e.command)
}

// try runs a command of the engine and returns what it prints, both streams.
func (e *engine) try(args ...string) (string, error) {
	out, err := e.command(args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// run expects success and returns the standard output.
func (e *engine) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := e.command(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), "%s %q: %s%s", e.name, args, &stdout, &stderr)
	return strings.TrimSpace(stdout.String())
}

// box runs a container to its end and returns what it prints. flags are those of
// "run", command is a line of shell.
func (e *engine) box(t *testing.T, command string, flags ...string) string {
	t.Helper()
	return e.run(t, boxArgs("--rm", command, flags)...)
}

func boxArgs(how, command string, flags []string) []string {
	return append(append([]string{"run", how, "--network=none", "--stop-signal=KILL"}, flags...), image, "/bin/sh", "-c", command)
}

// container is one that runs.
type container struct {
	t   *testing.T
	e   *engine
	id  string
	pid string // its first process, as the test sees it
}

// start starts a container that does nothing until the test ends.
func (e *engine) start(t *testing.T, flags ...string) *container {
	t.Helper()
	c := &container{t: t, e: e, id: e.run(t, boxArgs("-d", "exec sleep 600", flags)...)}
	t.Cleanup(func() { c.remove() })
	c.look()
	return c
}

// look finds the first process again, after a restart.
func (c *container) look() { c.pid = c.e.run(c.t, "inspect", "--format={{.State.Pid}}", c.id) }

// remove may be called more than once.
func (c *container) remove() {
	if c.id != "" {
		out, err := c.e.try("rm", "-f", c.id)
		require.NoError(c.t, err, out)
		c.id = ""
	}
}

// command is a line of shell in the container's mount namespace. It is not "exec" of
// the engine, which costs a second of CPU.
func (c *container) command(line string) *exec.Cmd {
	return exec.Command("nsenter", "--mount=/proc/"+c.pid+"/ns/mnt", "--root=/proc/"+c.pid+"/root", "--wd=/proc/"+c.pid+"/root", "/bin/sh", "-c", line)
}

// sh runs a line of shell in the container and returns what it prints, both streams.
func (c *container) sh(line string) (string, error) {
	out, err := c.command(line).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// comes waits until a line of shell in the container prints want.
func (c *container) comes(want, line string) {
	c.t.Helper()
	var text string
	var err error
	require.True(c.t, eventually(func() bool { text, err = c.sh(line); return err == nil && text == want }), "%s: %s: last seen: %v %s", c.e.name, line, err, text)
}

// cannotWrite wants a file to be on a read-only file system.
func (c *container) cannotWrite(file string) {
	c.t.Helper()
	text, err := c.sh("echo changed >" + file)
	require.Error(c.t, err, c.e.name)
	require.Contains(c.t, text, "Read-only file system", c.e.name)
}

// eventually reports whether something comes true.
func eventually(is func() bool) bool {
	for end := time.Now().Add(waitLimit); time.Now().Before(end); {
		if is() {
			return true
		}
		time.Sleep(20 * time.Millisecond)
	}
	return false
}
