package engines

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// ownDocker starts a dockerd for one test, with flags of its own.
func (w *world) ownDocker(flags ...string) (*daemon, *engine) {
	w.t.Helper()
	dir, err := os.MkdirTemp(tmp, "d")
	require.NoError(w.t, err)
	require.NoError(w.t, os.Chmod(dir, 0o755))
	d := &daemon{dir: dir, flags: flags}
	e, err := d.start()
	require.NoError(w.t, err)
	w.t.Cleanup(d.stop)
	require.NoError(w.t, importImage(e.command))
	return d, e
}

// dockerd restarts while a volume is in use. What its containers have goes on if they
// go on (live-restore); what it starts again has the volume again; and it still knows
// who uses what.
func TestDockerdRestarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.plugin()
	d, e := w.ownDocker("--live-restore")
	e.create(t, p, "kept")
	c := e.start(t, "-v=kept:/s", "--restart=always")
	pid := c.pid
	reads := func(want string) {
		t.Helper()
		w.set("GREETING", want)
		c.look()
		c.comes(want, "cat /s/GREETING")
		c.cannotWrite("/s/GREETING")
	}
	restart := func() {
		t.Helper()
		d.stop()
		_, err := d.start()
		require.NoError(t, err)
	}
	reads("before")

	restart()
	reads("the container has gone on")
	require.Equal(t, pid, c.pid)

	d.flags = nil
	for range 2 { // what the one before has left running is ended by the first, and then by each
		before := c.pid
		restart()
		require.True(t, eventually(func() bool { c.look(); return c.pid != before && c.pid != "0" }))
		reads("the container has been started again")
	}
	_, err := e.try("volume", "rm", "kept")
	require.Error(t, err, "it is in use")

	c.remove()
	e.run(t, "volume", "rm", "kept")
	require.NoDirExists(t, filepath.Join(w.dir, "v", "kept"))
}
