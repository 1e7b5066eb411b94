package engines

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// One volume's life in an engine.
func TestVolume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.plugin()
	bothEngines(t, func(t *testing.T, e *engine) {
		name := "life-" + e.name
		e.create(t, p, name)
		point := filepath.Join(w.dir, "v", name)
		require.Equal(t, "demo", e.run(t, "volume", "inspect", "--format={{.Options.project}}", name))
		require.Contains(t, strings.Fields(e.run(t, "volume", "ls", "--quiet", "--filter=driver="+p.name)), name)

		first := e.start(t, "-v="+name+":/s")
		require.Equal(t, "hello, world", e.box(t, "cat /s/GREETING", "-v="+name+":/s", "--user=1000:1000"), "another container, and not root")
		first.comes("hello, world", "cat /s/GREETING")
		first.cannotWrite("/s/GREETING")

		copied := filepath.Join(w.dir, "copied-"+e.name)
		e.run(t, "cp", first.id+":/s/GREETING", copied)
		content, err := os.ReadFile(copied)
		require.NoError(t, err)
		require.Equal(t, "hello, world", string(content))

		e.run(t, "restart", "--time=0", first.id)
		first.look()
		in, rotated := first.watch("/s"), "ROTATED_"+strings.ToUpper(e.name)
		w.set(rotated, "new")
		in.hears(rotated)
		first.comes("new", "cat /s/"+rotated)
		w.set(rotated, "newer")
		in.hears("MODIFY " + rotated)
		first.comes("newer", "cat /s/"+rotated)
		w.delete(rotated)
		in.hears("DELETE " + rotated)

		out, err := e.try("volume", "rm", name)
		require.Error(t, err, "it is in use")
		require.Contains(t, out, "use")
		first.remove()
		e.run(t, "volume", "rm", name)
		require.NoDirExists(t, point)
	})
}

// What a volume cannot be is told where it is asked for, in the engine's own output.
func TestVolumesThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.plugin()
	bothEngines(t, func(t *testing.T, e *engine) {
		for option, want := range map[string]string{
			"client-secret=hunter2": `the option "client-secret" is refused: what servers and credentials are used is not for a volume to say`,
			"token=hunter2":         `the option "token" is refused`,
			"projekt=demo":          `there is no option "projekt"`,
			"o=mode=hunter2":        `the option mode:`,
		} {
			out, err := e.try(createArgs(p, "refused-"+e.name, []string{option})...)
			require.Error(t, err)
			require.Contains(t, out, want)
			require.NotContains(t, out, "hunter2")
		}

		// A container does not start without what it was to have.
		for name, c := range map[string]struct{ option, want string }{
			"denied-" + e.name:  {"identity=no-access", `the server lists no project "demo" for this identity`},
			"unknown-" + e.name: {"identity=nobody", `no identity is called "nobody"`},
			"missing-" + e.name: {"path=/nowhere", "not found"},
		} {
			e.create(t, p, name, c.option)
			out, err := e.try(boxArgs("--rm", "cat /s/GREETING", []string{"-v=" + name + ":/s"})...)
			require.Error(t, err, name)
			require.Contains(t, out, c.want, name)
		}
	})
	require.NotContains(t, p.said(), "hunter2")
}

// The plugin is killed under containers, or stopped, and started again: they read on,
// whether they have the volume through the engine or the directory of all volumes.
func TestPluginRestartsUnderContainers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.plugin()
	d, q := docker(t), podman(t)
	d.create(t, p, "crash-docker")
	q.create(t, p, "crash-podman")
	type place struct {
		*container
		file string
	}
	places := []place{
		{d.start(t, "-v=crash-docker:/s:ro"), "/s/GREETING"},
		{q.start(t, "-v=crash-podman:/s:ro,rslave"), "/s/GREETING"},
		{q.start(t, "-v="+filepath.Join(w.dir, "v")+":/all:ro,rslave"), "/all/crash-docker/GREETING"},
	}
	for _, end := range []unix.Signal{0, unix.SIGKILL, unix.SIGTERM, unix.SIGKILL} {
		if end != 0 {
			p.restart(end)
		}
		for _, c := range places {
			c.comes("hello, world", "cat "+c.file)
			c.cannotWrite(c.file)
		}
	}
	places[0].remove()
	d.run(t, "volume", "rm", "crash-docker")
	require.NoDirExists(t, filepath.Join(w.dir, "v", "crash-docker"), "the dead mounts below have gone, too")
}
