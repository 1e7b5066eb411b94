package e2e

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// deed is what somebody does with a program in a folder, and what the server has
// to have afterwards.
type deed struct {
	name string
	run  string      // a shell command; $SRC is a directory elsewhere, with the file "new"
	keys []keystroke // for a program that wants a terminal

	have map[string]string // what the folder has before; nil: KEY with "old value\n"
	want map[string]string // what the server has after; nil: KEY with "new value\n"

	versions int      // of KEY that are made; 0 means one
	none     bool     // no version of KEY is made
	late     bool     // it is sent with the last close, for which no program waits
	replaced bool     // KEY is deleted and made again: that is what the program does
	also     []string // names besides those of have and want that the server may hear of
	hears    bool     // the server may hear of any name: the program's temporary files are called like secrets
	before   func(t *testing.T, d *desk, folder string)
	after    func(t *testing.T, d *desk, folder string)
}

func (c deed) completed() deed {
	if c.have == nil {
		c.have = map[string]string{"KEY": "old value\n"}
	}
	if c.want == nil {
		c.want = map[string]string{"KEY": "new value\n"}
	}
	if c.versions == 0 && !c.none {
		c.versions = 1
	}
	return c
}

// Programs that write, as people call them. After each the server has exactly
// what the program meant, in as few versions as the program made, and has heard
// of no other name.
func TestProgramsThatWrite(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, profile devserver.Profile) {
		t.Parallel()
		var folders []string
		for _, c := range deeds {
			folders = append(folders, folderOf(c))
		}
		d := newDesk(t, profile, folders, "--ttl=1h")
		for _, c := range deeds {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.completed().check(t, d)
			})
		}
	})
}

func folderOf(c deed) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-", r) {
			return r
		}
		return '_'
	}, c.name)
}

// others are the programs that not every machine has.
var others = []string{"bash", "vim", "ex", "nano", "ed", "joe", "sponge", "patch", "jq", "perl", "python3", "/usr/bin/python3", "node", "git", "rsync",
	"busybox", "dos2unix", "php", "ruby", "visudo", "strace"}

// need skips a deed whose program is missing, unless that is not accepted.
func (c deed) need(t *testing.T) {
	t.Helper()
	if strings.Contains(c.run, "require(\"") || strings.Contains(c.run, "createRequire") {
		if os.Getenv("COMPAT_NODE_MODULES") == "" {
			if os.Getenv("REQUIRE_FUSE") != "" {
				t.Fatal("REQUIRE_FUSE is set, and COMPAT_NODE_MODULES is not")
			}
			t.Skip("COMPAT_NODE_MODULES does not say where the modules of npm are")
		}
	}
	words := strings.FieldsFunc(c.run, func(r rune) bool { return strings.ContainsRune(" |;&$()", r) })
	for _, other := range others {
		if _, err := exec.LookPath(other); err != nil && slices.Contains(words, other) && os.Getenv("REQUIRE_FUSE") == "" {
			t.Skip("no ", other)
		}
	}
}

func (c deed) check(t *testing.T, d *desk) {
	c.need(t)
	folder := folderOf(c)
	d.edit(t, func(e *devserver.Editor) error {
		for name, value := range c.have {
			if err := e.Set("demo", "dev", "/"+folder, name, value); err != nil {
				return err
			}
		}
		return nil
	})
	if c.before != nil {
		c.before(t, d, folder)
	}
	old, _ := d.lookup(folder + "/KEY")

	c.perform(t, d.at(folder))

	if c.late {
		soon(t, "it is sent", func() bool { return d.has(folder+"/KEY", c.want["KEY"]) })
	}
	for name, value := range c.want {
		d.holds(t, folder+"/"+name, value)
	}
	for name := range c.have {
		if _, ok := c.want[name]; !ok {
			d.lacks(t, folder+"/"+name)
		}
	}
	c.checkVersions(t, d, old)
	allowed := slices.Concat(slices.Collect(maps.Keys(c.have)), slices.Collect(maps.Keys(c.want)), c.also)
	for _, name := range d.record.names(folder) {
		require.True(t, c.hears || slices.Contains(allowed, name), "the server heard of %q", name)
	}
	if c.after != nil {
		c.after(t, d, folder)
		return
	}
	var listed []string
	list, err := os.ReadDir(d.at(folder))
	require.NoError(t, err)
	for _, entry := range list {
		listed = append(listed, entry.Name())
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(c.want)), listed)
}

func (c deed) checkVersions(t *testing.T, d *desk, old devserver.Stored) {
	t.Helper()
	if _, ok := c.want["KEY"]; !ok || old.ID == "" {
		return
	}
	now := d.stored(t, folderOf(c)+"/KEY")
	if c.replaced {
		require.NotEqual(t, old.ID, now.ID)
		require.Equal(t, 1, now.Version)
		return
	}
	require.Equal(t, old.ID, now.ID, "the secret keeps its id and history")
	require.Equal(t, c.versions, now.Version-old.Version, "versions made: %v", d.record.writes(folderOf(c)))
}

// perform does it and fails the test unless it goes without complaint.
func (c deed) perform(t *testing.T, dir string) {
	t.Helper()
	src := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(src, "new"), []byte("new value\n"), 0o644))
	ctx, cancel := context.WithTimeout(t.Context(), stepLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-ec", `cd "$0"; `+c.run, dir)
	cmd.WaitDelay = time.Second
	cmd.Env = append(os.Environ(), "SRC="+src, "HOME="+src, "TMPDIR="+src, "TERM=xterm", "LC_ALL=C.UTF-8",
		"GIT_CONFIG_NOSYSTEM=1", "VIMINIT=", "NODE_PATH="+os.Getenv("COMPAT_NODE_MODULES"))
	if strings.Contains(c.run, "$REPLACE") {
		replace, err := replaceProgram()
		require.NoError(t, err, replace)
		cmd.Env = append(cmd.Env, "REPLACE="+replace)
	}
	if c.keys != nil {
		operate(t, cmd, c.keys)
		return
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", c.run, out)
	require.Empty(t, string(out), c.run)
}

// shell is a shell command in dir, for who wants to see it fail. The shell goes
// there itself: between fork and exec a Go process holds on to a processor, and a
// garbage collection that waits for that would stop our server, which the mount
// waits for.
func shell(dir, command string) *exec.Cmd {
	return exec.Command("sh", "-c", `cd "$0" || exit; `+command, dir)
}
