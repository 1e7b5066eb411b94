package engines

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
	"infisicalfs/internal/mounttable"
)

// rounds is how often a service is restarted, and killed, under containers.
const rounds = 5

// The shipped unit, in systemd's hands: it is started when the mount is there, stopped
// when that has gone, and brought back when its process was killed.
func TestUnit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.unit("plain")
	reads := func() bool { text, _ := os.ReadFile(u.path("GREETING")); return string(text) == "hello, world" }

	u.systemctl("start")
	require.True(t, reads(), "a start has ended when the mount is there")
	require.Contains(t, u.systemctl("status"), "Active: active (running)")
	u.kill()
	u.comesBack(1)
	require.True(t, reads())

	u.systemctl("stop")
	require.Equal(t, "inactive", u.property("ActiveState"))
	require.Equal(t, "success", u.property("Result"))
	table, err := mounttable.Read()
	require.NoError(t, err)
	require.Nil(t, table.At(u.dir), "nothing is mounted there any more")
}

// The service is restarted under containers: nobody's reads fail, what is watched stays
// watched, who could not write before may not write, and who could still can.
func TestUnitRestartsUnderContainers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.unit("restarted")
	a := w.audience()
	u.systemctl("start")
	a.enters()
	a.check()
	r := a.reads()
	for range rounds {
		serverIsBack := w.Inject(devserver.Fault{Status: 503}) // the next process knows what this one does
		u.systemctl("restart")
		a.check()
		serverIsBack()
	}
	a.hears(r)
	r.none(t)

	r = a.reads()
	for kills := 1; kills <= rounds; kills++ {
		u.kill()
		u.comesBack(kills)
		a.check()
	}
	a.hears(r)
	r.stop(t)

	require.NoError(t, os.WriteFile(u.path("GREETING"), []byte("written on the machine"), 0))
	stored, _ := w.Lookup("demo", "dev", "/", "GREETING")
	require.Equal(t, "written on the machine", stored.Value)
	a.check()
}

// The shipped service for engines, in systemd's hands: the first to ask at the socket has
// it started, and containers do not notice that it is restarted or killed.
func TestDockerUnit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m, e, p := w.manager(), docker(t), w.nextPlugin()
	units := filepath.Join(m.dir, "units")
	for name, lines := range map[string]string{
		"infisicalfs-docker.socket": "[Socket]\nListenStream=\nListenStream=" + pluginSocket(p.name),
		"infisicalfs-docker.service": "[Service]\nExecStart=\nExecStart=" + program + " docker-plugin " + strings.Join(w.pluginFlags(), " ") +
			"\nEnvironment=INFISICALFS_IDENTITY=admin \"" + raceVariable + "\"",
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(units, name+".d"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(units, name+".d/test.conf"), []byte(lines+"\n"), 0o644))
	}
	out, err := m.command("daemon-reload").CombinedOutput()
	require.NoError(t, err, "%s", out)
	socket := &unit{w: w, m: m, name: "infisicalfs-docker.socket"}
	service := &unit{w: w, m: m, name: "infisicalfs-docker.service", log: filepath.Join(m.dir, "log/infisicalfs-docker")}
	for _, u := range []*unit{service, socket} {
		u.systemctl("stop") // of this test before, if it is run again: it is left running, as other plugins are
	}
	socket.systemctl("start")
	require.Equal(t, "inactive", service.property("ActiveState"))

	e.create(t, p, "of-a-unit")
	c := e.start(t, "-v=of-a-unit:/s")
	require.Equal(t, "active", service.property("ActiveState"))
	reads := func() {
		t.Helper()
		c.comes("hello, world", "cat /s/GREETING")
		c.cannotWrite("/s/GREETING")
	}
	reads()
	e.create(t, p, "of-a-unit-too", "path=/payments") // another container has another volume
	other := e.start(t, "-v=of-a-unit-too:/s")
	r := readAll(filepath.Join("/proc", c.pid, "root/s/GREETING"), filepath.Join(w.dir, "v/of-a-unit/GREETING"))
	for range 2 {
		service.systemctl("restart")
		reads()
	}
	r.none(t)
	r = readAll(filepath.Join("/proc", c.pid, "root/s/GREETING"), filepath.Join(w.dir, "v/of-a-unit/GREETING"))
	for kills := 1; kills <= 2; kills++ {
		service.kill()
		service.comesBack(kills)
		reads()
	}
	r.stop(t)
	other.comes("", "ls /s/STRIPE_KEY >/dev/null")
}
