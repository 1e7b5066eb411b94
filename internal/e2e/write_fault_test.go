package e2e

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// change is something that a program does to a folder which has A and B, an
// empty folder "empty" and a folder "sub".
type change struct {
	name string
	do   func(dir string) error
	done func(d *desk, folder string) bool // on the server
	// half says what else may be on the server after a failure.
	half func(d *desk, folder string) bool
}

// textIn is what a program writes in a folder.
func textIn(folder string) string { return "new in " + path.Base(folder) }

func put(dir, name string) error { return os.WriteFile(dir+"/"+name, []byte(textIn(dir)), 0o644) }

var changes = []change{
	{name: "create", do: func(dir string) error { return put(dir, "NEW") },
		done: func(d *desk, f string) bool { return d.has(f+"/NEW", textIn(f)) }},
	{name: "update", do: func(dir string) error { return put(dir, "A") },
		done: func(d *desk, f string) bool { return d.has(f+"/A", textIn(f)) }},
	{name: "rename", do: func(dir string) error { return os.Rename(dir+"/A", dir+"/C") },
		done: func(d *desk, f string) bool { return d.has(f+"/C", "value of A") && d.hasNot(f+"/A") },
		half: func(d *desk, f string) bool { return d.has(f+"/C", "value of A") && d.has(f+"/A", "value of A") }},
	{name: "rename onto", do: func(dir string) error { return os.Rename(dir+"/A", dir+"/B") },
		done: func(d *desk, f string) bool { return d.has(f+"/B", "value of A") && d.hasNot(f+"/A") },
		half: func(d *desk, f string) bool { return d.has(f+"/B", "value of A") && d.has(f+"/A", "value of A") }},
	{name: "save by rename", do: func(dir string) error {
		return errors.Join(put(dir, ".t"), os.Rename(dir+"/.t", dir+"/A"))
	}, done: func(d *desk, f string) bool { return d.has(f+"/A", textIn(f)) }},
	{name: "move", do: func(dir string) error { return os.Rename(dir+"/A", dir+"/sub/A") },
		done: func(d *desk, f string) bool { return d.has(f+"/sub/A", "value of A") && d.hasNot(f+"/A") }},
	{name: "delete", do: func(dir string) error { return syscall.Unlink(dir + "/A") },
		done: func(d *desk, f string) bool { return d.hasNot(f + "/A") }},
	{name: "mkdir", do: func(dir string) error { return os.Mkdir(dir+"/made", 0o755) },
		done: func(d *desk, f string) bool { return d.HasFolder("demo", "dev", "/"+f+"/made") }},
	{name: "rmdir", do: func(dir string) error { return syscall.Rmdir(dir + "/empty") },
		done: func(d *desk, f string) bool { return !d.HasFolder("demo", "dev", "/"+f+"/empty") }},
	{name: "rename folder", do: func(dir string) error { return os.Rename(dir+"/sub", dir+"/renamed") },
		done: func(d *desk, f string) bool {
			return d.HasFolder("demo", "dev", "/"+f+"/renamed") && !d.HasFolder("demo", "dev", "/"+f+"/sub")
		}},
}

func (d *desk) has(file, value string) bool {
	s, ok := d.lookup(file)
	return ok && s.Value == value
}

func (d *desk) hasNot(file string) bool {
	_, ok := d.lookup(file)
	return !ok
}

// circumstance is when a fault strikes. With all set the server cannot be asked
// either what became of a change.
type circumstance struct {
	name       string
	after, all bool
}

var circumstances = []circumstance{
	{"before", false, false}, {"after", true, false}, {"before, deaf", false, true}, {"after, deaf", true, true},
}

// folder is where a change is made under the circumstance.
func (w circumstance) folder(c change) string {
	return strings.NewReplacer(" ", "_", ",", "").Replace(w.name + "_" + c.name)
}

// A change that the server acted on, or not, before something went wrong: no
// error means that it is done; an error means that it is not, wherever the
// server could be asked; and doing it again ends well.
func TestFaultsWhileWriting(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, profile devserver.Profile) {
		t.Parallel()
		for _, f := range faults {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				strike(t, profile, f.fault, f.denial)
			})
		}
	})
}

func strike(t *testing.T, profile devserver.Profile, fault devserver.Fault, denial bool) {
	var folders []string
	for _, when := range circumstances {
		for _, c := range changes {
			folder := when.folder(c)
			folders = append(folders, folder, folder+"/empty", folder+"/sub")
		}
	}
	// A third of the deadline is what the client has to find out what became of
	// a change, and machines that run tests are busy.
	flags := append(slices.Clone(impatient), "--timeout=6s", "--write-wait=1s")
	if fault.Delay > 0 {
		fault.Delay = 9 * time.Second
	}
	d := newDesk(t, profile, folders, flags...)
	for _, folder := range folders {
		if !strings.Contains(folder, "/") {
			d.edit(t, func(e *devserver.Editor) error {
				return first(e.Set("demo", "dev", "/"+folder, "A", "value of A"), e.Set("demo", "dev", "/"+folder, "B", "value of B"))
			})
		}
	}
	refused := denial || fault.Status == http.StatusTooManyRequests || fault.Header.Get("Retry-After") != ""
	for _, when := range circumstances {
		if when.after && refused {
			continue // no server acts and says this
		}
		for _, folder := range folders {
			os.ReadDir(d.at(folder)) // known, so that a program gets as far as it can
		}
		injected := fault
		injected.After = when.after
		injected.Match = func(r *http.Request) bool { return notLogin(r) && (when.all || r.Method != http.MethodGet) }
		remove := d.Inject(injected)
		outcomes := make([]error, len(changes))
		var all sync.WaitGroup
		for i, c := range changes {
			all.Go(func() {
				within(t, 3*bound, when.name+" "+c.name, func() { outcomes[i] = c.do(d.at(when.folder(c))) })
			})
		}
		all.Wait()
		for i, c := range changes {
			c.judge(t, d, when.name, when.folder(c), outcomes[i], when.all)
		}
		remove()
		again := d.mounted
		if denial {
			again = d.mount(t, "admin") // a denial is remembered for a minute
		}
		for _, c := range changes {
			what, dir := when.name+" "+c.name, again.path("demo", "dev", when.folder(c))
			var err error
			require.Eventually(t, func() bool {
				again.refresh(t)
				err = c.do(dir)
				return err == nil || c.done(d, when.folder(c)) // it was done before
			}, 40*time.Second, 100*time.Millisecond, "%s, done again", what)
			require.True(t, c.done(d, when.folder(c)), "%s, done again: %v", what, err)
		}
	}
}

// judge holds an outcome to what was promised.
func (c change) judge(t *testing.T, d *desk, when, folder string, err error, deaf bool) {
	t.Helper()
	what, done := when+" "+c.name, c.done(d, folder)
	switch {
	case err == nil && !done:
		t.Errorf("%s: acknowledged, and not on the server", what)
	case err != nil && done && !deaf:
		t.Errorf("%s: %v, although the server has it and could be asked", what, err)
	case errors.Is(err, fs.ErrNotExist):
		t.Errorf("%s: %v, although nobody said so", what, err)
	}
	if err != nil && !done {
		half := c.half != nil && c.half(d, folder)
		if !half && !c.untouched(d, folder) {
			t.Errorf("%s: %v, and the server has neither the old nor the new", what, err)
		}
	}
	var where *os.PathError
	if errors.As(err, &where) && where.Op == "close" {
		d.keeps(t, textIn(folder))
	}
}

// untouched reports whether the server has what it had at the beginning.
func (c change) untouched(d *desk, folder string) bool {
	return d.has(folder+"/A", "value of A") && d.has(folder+"/B", "value of B") && d.hasNot(folder+"/C") && d.hasNot(folder+"/NEW") &&
		d.HasFolder("demo", "dev", "/"+folder+"/empty") && d.HasFolder("demo", "dev", "/"+folder+"/sub") && !d.HasFolder("demo", "dev", "/"+folder+"/made")
}
