package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

// stepCalls are the system calls before which a program is killed: those that
// change something.
const stepCalls = "write,pwrite64,rename,renameat,renameat2,unlink,unlinkat,link,linkat,fsync,fchmod,chmod,fchmodat,ftruncate,mkdir,rmdir"

// maxSteps bounds the trials of one program and system call: interpreters also
// write to themselves.
const maxSteps = 12

// killable are the deeds that are cut off; backs keeps the old value under another
// name, which the server may be left with.
var killable = []struct {
	name  string
	backs bool
}{
	{name: "sed -i"}, {name: "busybox sed -i"}, {name: "perl -i"}, {name: "perl File::Temp, template"}, {name: "patch"}, {name: "dos2unix"},
	{name: "write-file-atomic"}, {name: "GLib"}, {name: "php tempnam"}, {name: "ruby Tempfile"}, {name: "Go CreateTemp"}, {name: "Go renameio"},
	{name: "mktemp and mv"}, {name: "rsync"}, {name: "rsync --delay-updates"}, {name: "a lock that is a file"},
	{name: "sed -i.old", backs: true}, {name: "perl -i.bak", backs: true}, {name: "patch -b", backs: true}, {name: "cp --backup", backs: true},
	{name: "install -b", backs: true}, {name: "mv to .old and echo", backs: true},
	// In place, with a swap file or not.
	{name: "vim"}, {name: "vim, renaming", backs: true}, {name: "ex"}, {name: "ed"}, {name: "visudo"}, {name: "git config"},
	{name: "dd in small pieces"}, {name: "rsync --inplace"},
}

// A program that is killed before any of its calls leaves the old value or the
// new one on the server, no temporary file there, and what it had written here.
func TestProgramsKilledAtEachStep(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("strace"); err != nil && os.Getenv("REQUIRE_FUSE") == "" {
		t.Skip("no strace")
	}
	d := newDesk(t, devserver.Current, nil, "--ttl=1h")
	for i, k := range killable {
		all := slices.Concat(replacing, deeds)
		at := slices.IndexFunc(all, func(c deed) bool { return c.name == k.name })
		require.NotEqual(t, -1, at, k.name)
		c := all[at].completed()
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.need(t)
			whole := &cutOff{d: d, deed: c, backs: k.backs, id: fmt.Sprintf("%dwhole", i)}
			killed := 0
			for call, times := range whole.run(t) {
				for n := 1; n <= min(times, maxSteps); n++ {
					cut := &cutOff{d: d, deed: c, backs: k.backs, id: fmt.Sprintf("%d%s%d", i, call, n), call: call, n: n}
					if cut.run(t) == nil {
						killed++
					}
				}
			}
			require.GreaterOrEqual(t, killed, 2, "it was killed at some steps")
		})
	}
}

// cutOff is one run of a deed that is killed before the n-th such system call of
// one of its processes; without one it is not killed.
type cutOff struct {
	d     *desk
	deed  deed
	backs bool
	id    string // in the new value, to tell the texts of all runs
	call  string
	n     int
}

// own makes what is new in a deed's texts this run's.
func (c *cutOff) own(text string) string { return strings.ReplaceAll(text, "new", "new"+c.id) }

const killedEnd = "+++ killed by SIGKILL +++"

// run counts the system calls of the process that made most of each, if the
// program came to its end, and returns nil if it was killed.
func (c *cutOff) run(t *testing.T) map[string]int {
	t.Helper()
	folder := "killed-" + c.id
	require.NoError(t, os.Mkdir(c.d.at(folder), 0o755))
	c.d.edit(t, func(e *devserver.Editor) error {
		return e.Set("demo", "dev", "/"+folder, "KEY", c.own(c.deed.have["KEY"]))
	})
	c.d.refresh(t)
	before, after := c.own(c.deed.have["KEY"]), c.own(c.deed.want["KEY"])

	src := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(src, "new"), []byte(c.own("new value\n")), 0o644))
	log := filepath.Join(src, "strace")
	// A file "new" is named in the command; its name stays.
	command := strings.ReplaceAll(c.own(c.deed.run), `$SRC/new`+c.id, `$SRC/new`)
	inject := ""
	if c.call != "" {
		inject = fmt.Sprintf("-e inject=%s:signal=KILL:when=%d", c.call, c.n)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `cd "$0" || exit; exec strace -f -o "$1" -s 4096 -e trace=openat,`+stepCalls+
		` `+inject+` sh -ec "$2"`, c.d.at(folder), log, command)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = append(os.Environ(), "SRC="+src, "HOME="+src, "TMPDIR="+src, "LC_ALL=C.UTF-8", "GIT_CONFIG_NOSYSTEM=1", "NODE_PATH="+os.Getenv("COMPAT_NODE_MODULES"))
	if strings.Contains(command, "$REPLACE") {
		replace, err := replaceProgram()
		require.NoError(t, err, replace)
		cmd.Env = append(cmd.Env, "REPLACE="+replace)
	}
	out, ran := cmd.CombinedOutput()
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what a killed parent has left
	calls := readFile(t, log)
	done := !strings.Contains(calls, killedEnd)
	what := fmt.Sprintf("killed before %s %d: %s\n%s", c.call, c.n, out, lastLines(calls, 40))

	// Whatever is going to be sent is sent a while after the end.
	list := func() (names []string) {
		for _, name := range c.d.Names("demo", "dev", "/"+folder) {
			if name != "KEY" && name != "MADE" {
				names = append(names, name)
			}
		}
		return names
	}
	if done {
		require.NoError(t, ran, what)
		c.d.holds(t, folder+"/KEY", after)
		require.Empty(t, list(), what)
		return countCalls(calls)
	}
	require.Never(t, func() bool { return !c.backs && exitIsTold() && len(list()) > 0 }, 1500*time.Millisecond, 50*time.Millisecond, "a temporary file was sent; %s", what)
	now, there := c.d.lookup(folder + "/KEY")
	switch others := list(); {
	case there:
		require.Contains(t, []string{before, after}, now.Value, what)
		require.True(t, len(others) == 0 || !exitIsTold(), "%q are there; %s", others, what)
	case c.backs: // the rename that it did is done
		require.Len(t, others, 1, what)
		require.Equal(t, before, c.d.stored(t, folder+"/"+others[0]).Value, what)
	default:
		require.Fail(t, "KEY is gone", what)
	}
	if (!there || now.Value != after) && wrote(calls, c.d.at(folder), after) {
		require.True(t, c.kept(t, folder, calls, after), "what was written is kept; %s", what)
	}
	return nil
}

var (
	callMade    = regexp.MustCompile(`(?m)^(\d+) +(\w+)\(.*\) += `)
	createdName = regexp.MustCompile(`^(\d+) +openat\(\S+ "([^"]+)", [^)]*O_CREAT.*\) += (\d+)`)
	anyName     = regexp.MustCompile(`"([^"]+)"`)
	written     = regexp.MustCompile(`^(\d+) +p?write(?:64)?\((\d+), ("(?:[^"\\]|\\.)*"), .*\) += (\d+)`)
)

// countCalls counts the calls of each kind by the process that made most of them.
func countCalls(calls string) map[string]int {
	most := map[string]int{}
	each := map[[2]string]int{}
	for _, m := range callMade.FindAllStringSubmatch(calls, -1) {
		key := [2]string{m[1], m[2]}
		each[key]++
		if m[2] != "openat" {
			most[m[2]] = max(most[m[2]], each[key])
		}
	}
	return most
}

// wrote says whether a process has written all of a text, in one piece, to a file
// that it had created in dir, its working directory.
func wrote(calls, dir, text string) bool {
	creator := map[string]string{} // descriptors by process; "1" is what a shell makes of them
	for line := range strings.Lines(calls) {
		if m := createdName.FindStringSubmatch(line); m != nil && (!filepath.IsAbs(m[2]) || strings.HasPrefix(m[2], dir)) {
			creator[m[1]] = m[3]
		}
		if m := written.FindStringSubmatch(line); m != nil && creator[m[1]] != "" && (m[2] == creator[m[1]] || m[2] == "1") {
			if said, err := strconv.Unquote(m[3]); err == nil && said == text && m[4] == strconv.Itoa(len(text)) {
				return true
			}
		}
	}
	return false
}

// exitIsTold says whether the kernel (Linux 6.15) tells how a process has ended
// that is no child. Where it does not, a program that is killed after it closed its
// temporary file, and before it renamed it, may be taken for one that wanted it so.
var exitIsTold = sync.OnceValue(func() bool {
	var name unix.Utsname
	var major, minor int
	if unix.Uname(&name) != nil {
		return false
	}
	fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor)
	return major > 6 || major == 6 && minor >= 15
})

// kept looks for a text in rejected/ and in what is found by the names that the
// program gave its files.
func (c *cutOff) kept(t *testing.T, folder, calls, text string) bool {
	t.Helper()
	for _, kept := range c.d.rejected(t) {
		if kept == text {
			return true
		}
	}
	var names []string
	for line := range strings.Lines(calls) {
		if strings.Contains(line, " rename") || strings.Contains(line, "O_CREAT") { // "unfinished" ones too
			for _, quoted := range anyName.FindAllStringSubmatch(line, -1) {
				names = append(names, quoted[1], ".~tmp~/"+quoted[1]) // rsync has a directory of its own for them
			}
		}
	}
	for _, path := range names {
		if !filepath.IsAbs(path) {
			path = c.d.at(folder, path)
		}
		if found, err := os.ReadFile(path); err == nil && string(found) == text && strings.HasPrefix(path, c.d.at(folder)) {
			return true
		}
	}
	t.Logf("looked for %q at %q", text, names)
	return false
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
