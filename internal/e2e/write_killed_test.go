package e2e

import (
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

// writing are the steps of a program that saves a file, up to its close.
var writing = map[string][][]string{
	"in place": {
		{"open", "f", "KEY", "w,trunc"}, {"write", "f", "new "}, {"write", "f", "value"}, {"ftruncate", "f", "7"}, {"write", "f", "!"},
	},
	"appending": {{"open", "f", "KEY", "w,append"}, {"write", "f", "more"}},
	"by ftruncate": {
		{"open", "f", "KEY", "rw"}, {"ftruncate", "f", "0"}, {"write", "f", "new"},
	},
	"with a dup": {{"open", "f", "KEY", "w,trunc"}, {"dup", "f", "g"}, {"write", "f", "new value"}},
	"by renaming": {
		{"open", "f", ".KEY.new", "w,creat,excl,600"}, {"write", "f", "new value"}, {"close", "f"},
	},
	"making": {{"open", "f", "MADE", "w,creat,trunc"}, {"write", "f", "half a value"}},
}

// withABackup are those of a program that renames what it is about to write anew.
var withABackup = [][]string{{"rename", "KEY", "KEY~"}, {"open", "f", "KEY", "w,creat"}, {"write", "f", "new value"}}

// A program that is ended by a signal while it saves has not saved, at whatever
// step: the kernel closes its files for it, which is not its word.
func TestAKilledWriterWritesNothing(t *testing.T) {
	signals := []syscall.Signal{unix.SIGKILL, unix.SIGTERM, unix.SIGINT, unix.SIGHUP}
	eachDesk(t, func(t *testing.T, d *desk) {
		n := 0
		for _, how := range slices.Sorted(maps.Keys(writing)) {
			steps := writing[how]
			for last := range steps {
				signal := signals[n%len(signals)]
				n++
				d.have(t, "desk", one(old))
				p := startProcess(t, d.at("desk"))
				for _, step := range steps[:last+1] {
					p.do(t, step...)
				}
				p.kill(t, signal)
				d.settled(t)
				what := fmt.Sprintf("%s, %s after %q", how, signal, steps[last])
				require.Equal(t, old, d.stored(t, "desk/KEY").Value, what)
				_, made := d.lookup("desk/MADE")
				require.False(t, made, what)
				require.Empty(t, d.record.writes("desk"), what)
				os.Remove(d.at("desk/.KEY.new"))
			}
		}
		d.keeps(t, "new value")
		d.keeps(t, "half a value")
		d.holds(t, "desk/KEY", old)
		d.lacks(t, "desk/MADE")
	}, "--ttl=0s")
}

// What a killed program had renamed is renamed, and what it had begun to write in
// its place is not written.
func TestAKilledWriterWithABackup(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		for last := range withABackup {
			d.have(t, "desk", one(old))
			p := startProcess(t, d.at("desk"))
			for _, step := range withABackup[:last+1] {
				p.do(t, step...)
			}
			p.kill(t, unix.SIGKILL)
			soon(t, "it is renamed on the server", func() bool {
				return slices.Equal(d.Names("demo", "dev", "/desk"), []string{"KEY~"})
			})
			require.Equal(t, old, d.stored(t, "desk/KEY~").Value, "after %q", withABackup[last])
			d.settled(t)
			d.lacks(t, "desk/KEY")
			require.NoError(t, os.Remove(d.at("desk/KEY~")))
			require.Empty(t, d.Names("demo", "dev", "/desk"))
		}
		d.keeps(t, "new value")
	}, "--ttl=0s")
}

// A shell is a single thread, unlike the process of the test above, and has
// children that live on or not.
func TestAKilledShellWritesNothing(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		for _, command := range []string{
			`bash -c 'exec 3>KEY; /bin/echo half >&3; kill -KILL $$'`,
			`bash -c 'exec 3>KEY; /bin/echo half >&3; kill -TERM $$'`,
			`exec 3>KEY; kill -KILL $$`,
			`perl -e 'open(F, ">", "KEY"); syswrite(F, "half"); kill "KILL", $$'`,
			`timeout -s KILL 0.3 perl -e 'open(F, ">", "KEY"); syswrite(F, "half"); sleep 60'`,
			`head -c 20 /dev/zero | tr '\0' x | perl -e 'open(F, ">", "KEY"); while (sysread(STDIN, $b, 1)) { syswrite(F, $b) } kill "SEGV", $$'`,
		} {
			shell(d.at("desk"), command).Run()
			d.settled(t)
			require.Equal(t, old, d.stored(t, "desk/KEY").Value, command)
		}
		require.Empty(t, d.record.writes("desk"))
	})
}

// Ending without a close is not being killed, whatever the exit code.
func TestAWriterThatEndsByItselfWrites(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		for _, code := range []string{"0", "1", "137"} {
			d.have(t, "desk", one(old))
			p := startProcess(t, d.at("desk"))
			p.do(t, "open", "f", "KEY", "w,trunc")
			p.do(t, "write", "f", "value of "+code)
			p.exit(t, code)
			d.holds(t, "desk/KEY", "value of "+code)
		}
	})
}

// A writer that is killed while its close waits for the server leaves at once:
// the old value if nothing was sent yet, else the old or the new.
func TestAWriterKilledInItsClose(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		for _, c := range []struct {
			what  string
			fault devserver.Fault
			want  []string
		}{
			{"before it is sent", devserver.Fault{Match: method("GET"), Hang: true}, []string{old}},
			{"sent, not done", devserver.Fault{Match: method("PATCH"), Hang: true}, []string{old}},
			{"sent and done", devserver.Fault{Match: method("PATCH"), Hang: true, After: true}, []string{"new"}},
			{"slow", devserver.Fault{Match: method("PATCH"), Delay: time.Second, Times: 1}, []string{old, "new"}},
		} {
			d.have(t, "desk", one(old))
			p := startProcess(t, d.at("desk"))
			p.do(t, "open", "f", "KEY", "w,trunc")
			p.do(t, "write", "f", "new")
			hit, remove := d.injectSeen(c.fault)
			require.NoError(t, p.begin("close", "f"))
			hit(t)
			within(t, bound, c.what, func() { p.kill(t, unix.SIGKILL) })
			remove()
			d.settled(t)
			if c.fault.After {
				soon(t, "the server has acted", func() bool { return d.stored(t, "desk/KEY").Value != old })
			}
			require.Contains(t, c.want, d.stored(t, "desk/KEY").Value, c.what)
			next := startProcess(t, d.at("desk"))
			soon(t, "the next writer", func() bool {
				d.refresh(t)
				next.try("cat", "KEY")
				_, err := next.try("put", "KEY", "after "+c.what)
				return err == nil
			})
			d.holds(t, "desk/KEY", "after "+c.what)
		}
	}, "--timeout=3s")
}

// injectSeen puts a fault in force; hit waits for a request that suffers it, also
// if the fault is removed right after.
func (d *desk) injectSeen(f devserver.Fault) (hit func(*testing.T), remove func()) {
	seen := make(chan struct{}, 1000)
	f.Hit = func() { seen <- struct{}{} }
	hit = func(t *testing.T) {
		t.Helper()
		select {
		case <-seen:
		case <-time.After(20 * time.Second):
			t.Fatal("the server is not asked")
		}
	}
	return hit, d.Inject(f)
}

// The daemon itself is killed at every step: what was acknowledged is there,
// what was not is the old value or the new one, and the next mount goes on.
func TestAKilledDaemon(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, profile devserver.Profile) {
		for _, c := range []struct {
			what  string
			steps [][]string // before it is killed
			close []string   // begun, not ended; nil: nothing
			fault devserver.Fault
			want  []string
		}{
			{"open", writing["in place"][:1], nil, devserver.Fault{}, []string{old}},
			{"written", writing["in place"], nil, devserver.Fault{}, []string{old}},
			{"synced", [][]string{{"open", "f", "KEY", "w,trunc"}, {"write", "f", "new"}, {"fsync", "f"}}, nil, devserver.Fault{}, []string{"new"}},
			{"acknowledged", [][]string{{"put", "KEY", "new"}}, nil, devserver.Fault{}, []string{"new"}},
			{"renamed away", withABackup[:1], nil, devserver.Fault{}, []string{old}},
			{"asking", writing["appending"], []string{"close", "f"}, devserver.Fault{Match: method("GET"), Hang: true}, []string{old}},
			{"sent", writing["appending"], []string{"close", "f"}, devserver.Fault{Match: method("PATCH"), Hang: true}, []string{old}},
			{"sent and done", writing["appending"], []string{"close", "f"}, devserver.Fault{Match: method("PATCH"), Hang: true, After: true}, []string{old + "more"}},
			{"renaming", writing["by renaming"], []string{"rename", ".KEY.new", "KEY"}, devserver.Fault{Match: method("PATCH"), Hang: true, After: true}, []string{"new value"}},
			{"removing", nil, []string{"unlink", "KEY"}, devserver.Fault{Match: method("DELETE"), Hang: true}, []string{old}},
		} {
			t.Run(c.what, func(t *testing.T) {
				t.Parallel()
				d := newDesk(t, profile, []string{"desk"})
				d.have(t, "desk", one(old))
				p := startProcess(t, d.at("desk"))
				for _, step := range c.steps {
					p.do(t, step...)
				}
				remove := func() {}
				if c.close != nil {
					var hit func(*testing.T)
					hit, remove = d.injectSeen(c.fault)
					require.NoError(t, p.begin(c.close...))
					hit(t)
				}
				require.NoError(t, unix.Kill(d.pid, unix.SIGKILL))
				if c.close != nil {
					_, err := p.end()
					require.Error(t, err, "not acknowledged")
					require.NotErrorIs(t, err, io.EOF, "the program lives")
				}
				if c.fault.After {
					soon(t, "the server has acted", func() bool { return d.stored(t, "desk/KEY").Value != old })
				}
				require.Contains(t, c.want, d.stored(t, "desk/KEY").Value)
				now, sent := d.stored(t, "desk/KEY").Value, d.record.writes("desk")

				p.exit(t, "0")
				remove()
				d.mountAgain(t)
				require.Equal(t, now, sh(t, d.at("desk"), "cat KEY"))
				require.Equal(t, sent, d.record.writes("desk"), "the next process sends nothing for the killed one")
			})
		}
	})
}

// mountAgain mounts where the mount's process was killed.
func (d *desk) mountAgain(t *testing.T) {
	t.Helper()
	ended(t, strconv.Itoa(d.pid)) // a process that was killed lives on until its threads have noticed
	cmd := exec.Command(program, "mount", "--log-file", d.log, d.dir)
	cmd.Env = d.environ("admin")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	d.pid = d.mounted.status(t).PID
}
