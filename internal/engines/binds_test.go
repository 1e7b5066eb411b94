package engines

import (
	"bufio"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A mount is bound into containers: root and a plain user read, nobody writes.
func TestBind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.mount()
	bothEngines(t, func(t *testing.T, e *engine) {
		bind := "-v=" + m.dir + ":/s:ro"
		require.Equal(t, "1000\nhello, world", e.box(t, "id -u; cat /s/GREETING", bind, "--user=1000:1000", "--read-only", "--cap-drop=ALL"))
		require.Contains(t, e.box(t, "cat /s/GREETING; (echo x >/s/GREETING) 2>&1 || true", bind), "hello, world/bin/sh: can't create /s/GREETING: Read-only file system")
	})
}

// What is mounted on top of a mount that containers have, after a crash, comes to them
// if they are bound as slaves: they read on, and may write as little as before.
func TestCrashUnderContainers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.mount()
	var containers []*container
	for _, e := range []*engine{docker(t), podman(t)} {
		containers = append(containers, e.start(t, "-v="+m.dir+":/s:ro,rslave"))
	}
	for round := range 3 {
		if round > 0 {
			m.crash()
		}
		for _, c := range containers {
			c.comes("hello, world", "cat /s/GREETING")
			c.cannotWrite("/s/GREETING")
		}
	}
	require.NoError(t, os.WriteFile(m.path("GREETING"), []byte("here it can be written"), 0))
	stored, _ := w.Lookup("demo", "dev", "/", "GREETING")
	require.Equal(t, "here it can be written", stored.Value)
	containers[0].comes("here it can be written", "cat /s/GREETING")
}

// A container that has a directory as a slave sees what is mounted there later, and
// can write to it no more than to the directory.
func TestParentBoundBeforeTheMount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	containers := []*container{docker(t).start(t, "-v="+w.dir+":/s:ro,rslave"), podman(t).start(t, "-v="+w.dir+":/s:ro,rslave")}
	m := w.mount()
	for round := range 2 {
		if round > 0 {
			m.crash()
		}
		for _, c := range containers {
			c.comes("hello, world", "cat /s/m/GREETING")
			c.cannotWrite("/s/m/GREETING")
		}
	}
}

// A file that is bound by itself shows each new value of its secret. (Those who write a
// new file and rename it over the old leave such a container with the old one.)
func TestOneFileBound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.mount()
	var containers []*container
	for _, e := range []*engine{docker(t), podman(t)} {
		containers = append(containers, e.start(t, "--mount=type=bind,readonly,source="+m.path("GREETING")+",target=/greeting"))
	}
	for _, value := range []string{"a second value", "third", "the fourth, which is longer"} {
		w.set("GREETING", value)
		for _, c := range containers {
			c.comes(value, "cat /greeting")
		}
	}
}

// Who waits for changes in a container hears of them: a new value, a new name, a name
// that has gone.
func TestInotifyInContainers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.mount()
	var watchers []*watcher
	for _, e := range []*engine{docker(t), podman(t)} {
		watchers = append(watchers, e.start(t, "-v="+m.dir+":/s:ro").watch("/s"))
	}
	for _, change := range []struct {
		make func()
		want string
	}{
		{func() { w.set("GREETING", "another") }, "MODIFY GREETING"},
		{func() { w.set("BRAND_NEW", "here") }, "BRAND_NEW"},
		{func() { w.delete("BRAND_NEW") }, "DELETE BRAND_NEW"},
	} {
		change.make()
		for _, in := range watchers {
			in.hears(change.want)
		}
	}
}

// watcher is an inotifywait in a container, or on the machine.
type watcher struct {
	t     *testing.T
	lines chan string // what it says; closed at its end
}

func watchArgs(dir string) []string {
	return []string{"-m", "-e", "modify", "-e", "moved_to", "-e", "create", "-e", "delete", "--format", "%e %f", dir}
}

// watch begins to watch a directory, and returns when it does.
func (c *container) watch(dir string) *watcher {
	c.t.Helper()
	args := watchArgs(dir)
	args[slices.Index(args, "%e %f")] = "'%e %f'"
	return watch(c.t, c.command("exec inotifywait "+strings.Join(args, " ")))
}

// watch starts an inotifywait, and returns when it watches.
func watch(t *testing.T, cmd *exec.Cmd) *watcher {
	t.Helper()
	pipe, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = cmd.Stdout
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	in := &watcher{t, make(chan string, 1000)}
	go func() {
		defer close(in.lines)
		for scan := bufio.NewScanner(pipe); scan.Scan(); {
			in.lines <- scan.Text()
		}
	}()
	in.hears("Watches established.")
	return in
}

// hears waits for a line that has want in it.
func (in *watcher) hears(want string) {
	in.t.Helper()
	late := time.After(waitLimit)
	for said := true; said; {
		var line string
		select {
		case line, said = <-in.lines:
			if strings.Contains(line, want) {
				return
			}
		case <-late:
			said = false
		}
	}
	in.t.Fatalf("nobody heard %q", want)
}
