package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// hungUp are editors whose terminal closes while they hold text that nobody has
// saved: they write it to an emergency file beside the original, and it is
// nowhere else.
var hungUp = []struct {
	name   string
	run    string
	keys   []keystroke // up to the moment at which the terminal closes
	see    string      // what the screen shows then
	rescue string      // the file that is left
}{
	{"nano", `nano -I KEY`, []keystroke{{"Exit", "precious words "}}, "Modified", "KEY.save"},
	{"joe", `joe KEY`, []keystroke{{"old value", "precious words "}}, "Modified", "DEADJOE"},
	{"ed", `ed KEY`, []keystroke{{"10", "1i\rprecious words \r.\r"}, {"precious words", ",n\r"}}, "\told value", "ed.hup"},
	{"vim", vim + `--cmd 'set updatetime=1 updatecount=1' KEY`, []keystroke{{"old value", "iprecious words \x1b"}, {"precious words", ":preserve\r"}}, "preserved", ".KEY.swp"},
}

// No word is lost when a terminal closes: the emergency file is kept here, is named
// as text that would be lost, and is no secret of the whole team.
func TestEditorsThatAreHungUp(t *testing.T) {
	t.Parallel()
	for _, c := range hungUp {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(c.name); err != nil && os.Getenv("REQUIRE_FUSE") == "" {
				t.Skip("no ", c.name)
			}
			d := newDesk(t, devserver.Current, []string{"desk"})
			d.have(t, "desk", one(old))
			hangUp(t, d.at("desk"), c.run, c.keys, c.see)

			require.Contains(t, readFile(t, d.at("desk", c.rescue)), "precious words")
			require.Never(t, func() bool { return len(d.Names("demo", "dev", "/desk")) != 1 }, 1500*time.Millisecond, 50*time.Millisecond)
			d.holds(t, "desk/KEY", old)
			out, err := exec.Command(program, "status", d.dir).CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Contains(t, string(out), c.rescue, "status names what would be lost")
			out, err = exec.Command(program, "unmount", d.dir).CombinedOutput()
			require.Error(t, err, "unmount refuses")
			require.Contains(t, string(out), c.rescue)
			require.Contains(t, readFile(t, d.at("desk", c.rescue)), "precious words", "it is still there")

			require.NoError(t, os.Remove(d.at("desk", c.rescue)))
			out, err = exec.Command(program, "unmount", d.dir).CombinedOutput()
			require.NoError(t, err, "removing it is consent: %s", out)
		})
	}
}

// hangUp runs a program on a terminal, types, and closes the terminal.
func hangUp(t *testing.T, dir, command string, keys []keystroke, see string) {
	t.Helper()
	keyboard, screen := openTerminal(t)
	home := t.TempDir()
	cmd := shell(dir, "exec "+command)
	cmd.Env = append(os.Environ(), "HOME="+home, "TMPDIR="+home, "TERM=xterm", "LC_ALL=C.UTF-8", "VIMINIT=")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = screen, screen, screen
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, cmd.Start())
	screen.Close()
	var shown display
	watched := make(chan struct{})
	go func() { shown.watch(keyboard); close(watched) }()
	for _, key := range append(keys, keystroke{see: see}) {
		require.Eventually(t, func() bool { return shown.has(key.see) }, 20*time.Second, 5*time.Millisecond, "the screen shows %q: %s", key.see, &shown)
		if key.press == "" {
			break
		}
		shown.clear()
		_, err := keyboard.WriteString(key.press)
		require.NoError(t, err)
	}
	// The end of the terminal's other side is a hang-up for its session.
	keyboard.Close()
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		cmd.Process.Kill()
		<-ended
		t.Fatalf("%s does not end", command)
	}
	<-watched
}

// A person's own renames and removals of backups are meant, and done.
func TestBackupsThatAreMeant(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, run string
		want      map[string]string // on the server, soon; what is not here is gone
	}{
		{"mv and rm", `mv KEY KEY.bak; rm KEY.bak`, map[string]string{}},
		{"mv alone", `mv KEY KEY.bak`, map[string]string{"KEY.bak": old}},
		{"mv to .old", `mv KEY KEY.old`, map[string]string{"KEY.old": old}},
		{"mv to .orig and on", `mv KEY KEY.orig; mv KEY.orig KEY.save`, map[string]string{"KEY.save": old}},
		{"mv and back", `mv KEY KEY.bak; mv KEY.bak KEY`, map[string]string{"KEY": old}},
		{"cp", `cp KEY KEY.bak`, map[string]string{"KEY": old, "KEY.bak": old}},
		{"redirection", `echo one >KEY.orig; echo two >x.bak; cat KEY >KEY.old`, map[string]string{"KEY": old, "KEY.orig": "one\n", "x.bak": "two\n", "KEY.old": old}},
		{"tar", `mkdir "$SRC/t"; (umask 077; for f in server.key.old a.save b.bck c.hup; do echo $f >"$SRC/t/$f"; done); tar -cf - -C "$SRC/t" . | tar -xf -`,
			map[string]string{"KEY": old, "server.key.old": "server.key.old\n", "a.save": "a.save\n", "b.bck": "b.bck\n", "c.hup": "c.hup\n"}},
		{"mv from elsewhere", `(umask 077; echo x >"$SRC/KEY.bak"); mv "$SRC/KEY.bak" .`, map[string]string{"KEY": old, "KEY.bak": "x\n"}},
		{"install", `echo x >"$SRC/in"; install -m600 "$SRC/in" KEY.save`, map[string]string{"KEY": old, "KEY.save": "x\n"}},
		{"shred -u", `shred -u KEY`, map[string]string{}},
		{"mv to another secret's name", `mv KEY db-us2prod`, map[string]string{"db-us2prod": old}},
		{"mv to a dated name", `mv KEY KEY.20261128`, map[string]string{"KEY.20261128": old}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, devserver.Current, []string{"desk"})
			d.have(t, "desk", one(old))
			cmd := shell(d.at("desk"), c.run)
			cmd.Env = append(os.Environ(), "SRC="+t.TempDir())
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Empty(t, string(out))
			require.EventuallyWithT(t, func(now *assert.CollectT) {
				got := map[string]string{}
				for _, name := range d.Names("demo", "dev", "/desk") {
					s, _ := d.lookup("desk/" + name)
					got[name] = s.Value
				}
				require.Equal(now, c.want, got)
			}, 10*time.Second, 20*time.Millisecond)
			require.Never(t, func() bool {
				list, err := os.ReadDir(d.at("desk"))
				return err != nil || len(list) != len(c.want)
			}, time.Second, 100*time.Millisecond, "and so it stays")
			for name, value := range c.want {
				d.holds(t, "desk/"+name, value)
			}
		})
	}
}

// A secret that is renamed to a backup name, and that nobody makes anew, is
// renamed; a minute later too, when nobody waits for it any more.
func TestARenameToABackupIsNotTakenBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t, devserver.Current, []string{"desk"})
	d.have(t, "desk", map[string]string{"KEY": old, "GONE": old})
	id := d.stored(t, "desk/KEY").ID
	sh(t, d.at("desk"), `mv KEY KEY.bak; mv GONE GONE.bak; rm GONE.bak`)
	require.Eventually(t, func() bool { return strings.Join(d.Names("demo", "dev", "/desk"), " ") == "KEY.bak" }, 10*time.Second, 20*time.Millisecond)
	require.Equal(t, id, d.stored(t, "desk/KEY.bak").ID, "with its history")
	require.Never(t, func() bool {
		list, _ := filepath.Glob(d.at("desk", "*"))
		return len(list) != 1
	}, 65*time.Second, time.Second)
}
