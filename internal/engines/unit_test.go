package engines

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/mounttable"
)

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

// The service's process is killed under containers: they read on when it is back, and what
// they met meanwhile were errors, not a secret that is not there.
func TestUnitKilledUnderContainers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.unit("killed")
	a := w.audience()
	u.systemctl("start")
	a.enters()
	a.check()
	r := a.reads()
	for kills := 1; kills <= 2; kills++ {
		u.kill()
		u.comesBack(kills)
		a.check()
	}
	r.noAbsence(t)
}
