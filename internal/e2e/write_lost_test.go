package e2e

import (
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

func method(names ...string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return notLogin(r) && strings.Contains(" "+strings.Join(names, " ")+" ", " "+r.Method+" ")
	}
}

// A change by somebody else between reading and writing is not overwritten.
func TestAChangeInBetweenIsNotLost(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		p := startProcess(t, d.at("desk"))
		p.do(t, "cat", "KEY")
		d.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/desk", "KEY", "theirs") })
		p.fails(t, unix.ESTALE, "put", "KEY", "mine")
		require.Equal(t, "theirs", d.stored(t, "desk/KEY").Value)
		d.keeps(t, "mine")
		p.fails(t, unix.ESTALE, "put", "KEY", "mine again")
		require.Equal(t, "theirs", d.stored(t, "desk/KEY").Value, "the refusal has not moved the base")
		require.Equal(t, "theirs", p.do(t, "cat", "KEY"), "now it can be read")
		p.do(t, "put", "KEY", "mine after theirs")
		d.holds(t, "desk/KEY", "mine after theirs")
	})
}

// The same with the change while the file is open, told by fsync.
func TestAChangeWhileTheFileIsOpen(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		p := startProcess(t, d.at("desk"))
		p.do(t, "open", "f", "KEY", "w,trunc")
		p.do(t, "write", "f", "mine")
		d.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/desk", "KEY", "theirs") })
		p.fails(t, unix.ESTALE, "fsync", "f")
		p.try("close", "f")
		d.settled(t)
		require.Equal(t, "theirs", d.stored(t, "desk/KEY").Value)
		d.keeps(t, "mine")
	})
}

// The same for an editor that writes a second file and renames it: the base is
// what the folder had when the second file was created. A path operation says
// EBUSY, because the kernel tries again by itself on ESTALE.
func TestAChangeWhileATemporaryFileIsWritten(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		p := startProcess(t, d.at("desk"))
		p.do(t, "put", ".KEY.new", "mine")
		d.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/desk", "KEY", "theirs") })
		p.fails(t, unix.EBUSY, "rename", ".KEY.new", "KEY")
		require.Equal(t, "theirs", d.stored(t, "desk/KEY").Value)
		require.Equal(t, "mine", p.do(t, "cat", ".KEY.new"), "what could not be renamed is where it was")
	})
}

// Created in the meantime, deleted in the meantime.
func TestAppearedAndGoneInBetween(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		p := startProcess(t, d.at("desk"))
		p.do(t, "open", "f", "NEW", "w,creat")
		p.do(t, "write", "f", "mine")
		d.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/desk", "NEW", "theirs") })
		p.fails(t, unix.ESTALE, "close", "f")
		require.Equal(t, "theirs", d.stored(t, "desk/NEW").Value)
		d.keeps(t, "mine")

		p.do(t, "open", "f", "KEY", "w,trunc")
		p.do(t, "write", "f", "mine too")
		d.edit(t, func(e *devserver.Editor) error { return e.Delete("demo", "dev", "/desk", "KEY") })
		p.fails(t, unix.ESTALE, "close", "f")
		_, ok := d.lookup("desk/KEY")
		require.False(t, ok, "it is not made anew")
		d.keeps(t, "mine too")
	})
}

// The last writer wins if that is wanted.
func TestOverwriting(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		p := startProcess(t, d.at("desk"))
		p.do(t, "cat", "KEY")
		d.edit(t, func(e *devserver.Editor) error { return e.Set("demo", "dev", "/desk", "KEY", "theirs") })
		p.do(t, "put", "KEY", "mine")
		d.holds(t, "desk/KEY", "mine")
	}, "--overwrite")
}

// The server has no conditional write. A change in the window between our
// question and our write is overwritten, and that is said.
func TestTheWindowIsToldOf(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		var changed atomic.Bool
		d.Inject(devserver.Fault{Match: func(r *http.Request) bool {
			if r.Method == http.MethodPatch && changed.CompareAndSwap(false, true) {
				d.Edit(func(e *devserver.Editor) error { return e.Set("demo", "dev", "/desk", "KEY", "theirs") })
			}
			return false
		}})
		require.NoError(t, os.WriteFile(d.at("desk/KEY"), []byte("mine"), 0o644))
		d.holds(t, "desk/KEY", "mine")
		require.Equal(t, 3, d.stored(t, "desk/KEY").Version)
		require.Contains(t, readFile(t, d.log), "overw", "the log tells of it")
		require.Equal(t, 1, d.status(t).FS.Writes.LostUpdates, "and so does the status")
	})
}

// Two mounts of one folder: the second to write is told, reads, and writes.
func TestTwoMountsOfOneFolder(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		other := d.mount(t, "admin")
		a, b := startProcess(t, d.at("desk")), startProcess(t, other.path("demo/dev/desk"))
		a.do(t, "cat", "KEY")
		b.do(t, "cat", "KEY")
		a.do(t, "put", "KEY", "from a")
		b.fails(t, unix.ESTALE, "put", "KEY", "from b")
		other.keeps(t, "from b")
		require.Equal(t, "from a", b.do(t, "cat", "KEY"))
		b.do(t, "put", "KEY", "from b after a")
		a.fails(t, unix.ESTALE, "put", "KEY", "from a, late")
		require.Equal(t, "from b after a", d.stored(t, "desk/KEY").Value)
	})
}
