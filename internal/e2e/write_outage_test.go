package e2e

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

// The server is away: a close that matters says so in time, the text is kept,
// the old value still shows, and the same write succeeds when it is back.
func TestTheServerIsAway(t *testing.T) {
	for name, fault := range map[string]devserver.Fault{
		"reset": {Match: notLogin, Reset: true}, "hang": {Match: notLogin, Hang: true}, "503": {Match: notLogin, Status: 503, Body: "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			eachDesk(t, func(t *testing.T, d *desk) {
				d.have(t, "desk", one(old))
				text, err := os.ReadFile(d.at("desk/KEY"))
				require.NoError(t, err)
				require.Equal(t, old, string(text))
				p := startProcess(t, d.at("desk"))
				p.do(t, "open", "f", "KEY", "w,trunc")
				p.do(t, "write", "f", "new")
				remove := d.Inject(fault)
				within(t, bound, "close", func() { _, err = p.try("close", "f") })
				require.True(t, errors.Is(err, unix.EIO) || errors.Is(err, unix.ETIMEDOUT), "%v", err)
				require.Equal(t, old, d.stored(t, "desk/KEY").Value)
				d.keeps(t, "new")
				text, err = os.ReadFile(d.at("desk/KEY"))
				require.NoError(t, err)
				require.Equal(t, old, string(text), "what was not acknowledged is not shown")
				remove()
				soon(t, "the write succeeds later", func() bool {
					_, err := p.try("put", "KEY", "new")
					return err == nil
				})
				d.holds(t, "desk/KEY", "new")
			}, impatient...)
		})
	}
}

// An acknowledged value is shown, also if the server goes away right after it
// and what is cached is past its time.
func TestAnAcknowledgedValueOutlivesAnOutage(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", map[string]string{"KEY": old, "GONE": "gone", "MOVED": "moved"})
		sh(t, d.at("desk"), `cat KEY; ls`)
		sh(t, d.at("desk"), `printf new > KEY; rm GONE; mv MOVED THERE; printf made > MADE`)
		defer d.Inject(devserver.Fault{Match: notLogin, Reset: true})()
		for range 2 {
			for name, want := range map[string]string{"KEY": "new", "THERE": "moved", "MADE": "made"} {
				text, err := os.ReadFile(d.at("desk", name))
				if err == nil { // an error is honest
					require.Equal(t, want, string(text))
				}
			}
			for _, name := range []string{"GONE", "MOVED"} {
				_, err := os.ReadFile(d.at("desk", name))
				require.Error(t, err, name)
			}
			d.refresh(t)
		}
	}, impatient...)
}

// What waits in an operation of a person who gives up ends at once.
func TestAWriteCanBeInterrupted(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		p := startProcess(t, d.at("desk"))
		p.do(t, "cat", "KEY")
		hit, remove := d.injectSeen(devserver.Fault{Match: method("GET"), Hang: true})
		defer remove()
		require.NoError(t, p.begin("put", "KEY", "new"))
		hit(t)
		within(t, bound/2, "^C", func() { p.kill(t, unix.SIGINT) })
		require.Equal(t, old, d.stored(t, "desk/KEY").Value)
	})
}
