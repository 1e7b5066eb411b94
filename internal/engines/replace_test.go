package engines

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// One process after another goes on with a mount under containers: nobody's reads fail,
// what is watched stays watched, and nobody may write who could not before.
func TestReplaceUnderContainers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.audience()
	m := w.mount()
	a.enters()
	a.check()
	r := a.reads()
	for range 3 {
		m.replace()
		a.check()
	}
	a.hears(r)
	r.none(t)

	require.NoError(t, os.WriteFile(m.path("GREETING"), []byte("written on the machine"), 0))
	stored, _ := w.Lookup("demo", "dev", "/", "GREETING")
	require.Equal(t, "written on the machine", stored.Value)
	a.check()
}

// replace has another process go on with the mount, and waits for the end of this one.
func (m *mounted) replace() {
	m.w.t.Helper()
	before := m.process
	m.log += "+"
	m.process = m.w.begin(m.log, append(m.flags, "--replace", m.dir)...)
	m.until(m.w.t, func() bool { return strings.Contains(m.said(), "mounted on ") })
	<-before.ended
	require.True(m.w.t, before.cmd.ProcessState.Success(), before.said())
}
