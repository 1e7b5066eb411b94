package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// vim is a call of vim without anybody's settings, which sees a terminal or none.
const vim = "vim -N -u NONE -i NONE "

// deeds are many, because programs save files in many ways.
var deeds = []deed{
	// The shell and the small tools.
	{name: "echo", run: `echo new value > KEY`},
	{name: "echo in bash", run: `bash -c 'echo new value > KEY'`},
	{name: "echo makes", run: `echo new value > KEY`, have: map[string]string{}},
	{name: "printf without newline", run: `printf new > KEY`, want: one("new")},
	{name: "append", run: `printf 'more\n' >> KEY`, want: one("old value\nmore\n")},
	{name: "append makes", run: `printf more >> KEY`, have: map[string]string{}, want: one("more")},
	{name: "empty", run: `: > KEY`, want: one(""), late: true},
	{name: "cat", run: `cat "$SRC/new" > KEY`},
	{name: "tee", run: `tee KEY < "$SRC/new" > /dev/null`},
	{name: "tee -a", run: `tee -a KEY < "$SRC/new" > /dev/null`, want: one("old value\nnew value\n")},
	{name: "cp", run: `cp "$SRC/new" KEY`},
	{name: "cp makes", run: `cp "$SRC/new" KEY`, have: map[string]string{}},
	{name: "cp makes a lower case name", run: `cp "$SRC/new" app.conf`, have: map[string]string{}, want: map[string]string{"app.conf": "new value\n"}},
	{name: "cp -a", run: `cp -a "$SRC/new" KEY`},
	{name: "cp -a makes", run: `cp -a "$SRC/new" KEY`, have: map[string]string{}},
	{name: "cp --remove-destination", run: `cp --remove-destination "$SRC/new" KEY`, replaced: true},
	{name: "cp -r", run: `mkdir "$SRC/tree" "$SRC/tree/sub"; cp "$SRC/new" "$SRC/tree/A"; cp "$SRC/new" "$SRC/tree/sub/B"; cp -r "$SRC/tree" .`,
		have: map[string]string{}, want: map[string]string{}, after: func(t *testing.T, d *desk, folder string) {
			d.holds(t, folder+"/tree/A", "new value\n")
			d.holds(t, folder+"/tree/sub/B", "new value\n")
		}},
	{name: "install", run: `install "$SRC/new" KEY`, replaced: true},
	{name: "install makes", run: `install -m 600 "$SRC/new" KEY`, have: map[string]string{}},
	{name: "mv from elsewhere", run: `mv "$SRC/new" KEY`, replaced: true},
	{name: "mv from elsewhere makes", run: `mv "$SRC/new" KEY`, have: map[string]string{}},
	{name: "mv", run: `mv OLD KEY`, have: map[string]string{"OLD": "v"}, want: one("v"), after: func(t *testing.T, d *desk, folder string) {
		require.Equal(t, d.keepsRenames(), d.stored(t, folder+"/KEY").Version > 1, "it keeps its history where the server can")
	}},
	{name: "mv onto", run: `mv OTHER KEY`, have: map[string]string{"KEY": "old value\n", "OTHER": "new value\n"}},
	{name: "mv to another folder", run: `mkdir sub; mv KEY sub/`, want: map[string]string{}, after: func(t *testing.T, d *desk, folder string) {
		d.holds(t, folder+"/sub/KEY", "old value\n")
	}},
	{name: "mv of a folder", run: `mkdir sub; echo x > sub/KEY; mv sub other`, have: map[string]string{}, want: map[string]string{}, after: func(t *testing.T, d *desk, folder string) {
		d.holds(t, folder+"/other/KEY", "x\n")
		require.False(t, d.HasFolder("demo", "dev", "/"+folder+"/sub"))
	}},
	{name: "rm", run: `rm KEY`, want: map[string]string{}},
	{name: "rm -r", run: `mkdir -p a/b; echo x > a/b/X; echo y > a/Y; rm -r a`, have: map[string]string{}, want: map[string]string{}, after: func(t *testing.T, d *desk, folder string) {
		require.False(t, d.HasFolder("demo", "dev", "/"+folder+"/a"))
	}},
	{name: "mkdir and rmdir", run: `mkdir -p a/b/c; rmdir a/b/c`, have: map[string]string{}, want: map[string]string{}, after: func(t *testing.T, d *desk, folder string) {
		require.True(t, d.HasFolder("demo", "dev", "/"+folder+"/a/b"))
		require.False(t, d.HasFolder("demo", "dev", "/"+folder+"/a/b/c"))
	}},
	{name: "touch", run: `touch KEY`, want: one("old value\n"), none: true},
	{name: "touch makes", run: `touch KEY`, have: map[string]string{}, want: one(""), late: true},
	{name: "chmod and chown", run: `chmod 600 KEY; chown "$(id -u):$(id -g)" KEY; touch -d 2001-01-01 KEY`, want: one("old value\n"), none: true},
	{name: "the value that is there", run: `echo old value > KEY; cp KEY "$SRC/copy"; cp "$SRC/copy" KEY`, want: one("old value\n"), none: true},
	{name: "truncate", run: `truncate -s 3 KEY`, want: one("old")},
	{name: "truncate to nothing", run: `truncate -s 0 KEY`, want: one("")},
	{name: "truncate to more", run: `truncate -s 4 KEY`, have: one("a"), want: one("a\x00\x00\x00")},
	{name: "dd", run: `dd if="$SRC/new" of=KEY status=none`},
	{name: "dd conv=notrunc", run: `printf new | dd of=KEY conv=notrunc status=none`},
	{name: "dd in small pieces", run: `dd if="$SRC/new" of=KEY bs=1 status=none`},
	{name: "dd conv=fsync", run: `dd if="$SRC/new" of=KEY conv=fsync status=none`},
	{name: "sort -o", run: `sort -o KEY KEY`, have: one("b\na\n"), want: one("a\nb\n")},
	{name: "large", run: `head -c 300000 /dev/zero | tr '\0' x > KEY`, want: one(strings.Repeat("x", 300000))},

	// Those that write a second file and rename it.
	{name: "sed -i", run: `sed -i s/old/new/ KEY`},
	{name: "sed -i.bak", run: `sed -i.bak s/old/new/ KEY`},
	{name: "perl -pi", run: `perl -pi -e s/old/new/ KEY`},
	{name: "perl -pi.bak", run: `perl -pi.bak -e s/old/new/ KEY`},
	{name: "patch", run: `printf -- '--- KEY\n+++ KEY\n@@ -1 +1 @@\n-old value\n+new value\n' | patch -s KEY`},
	{name: "patch -b", run: `printf -- '--- KEY\n+++ KEY\n@@ -1 +1 @@\n-old value\n+new value\n' | patch -s -b KEY`},
	{name: "sponge", run: `sed s/old/new/ KEY | sponge KEY`},
	{name: "sponge beside", run: `sed s/old/new/ KEY | TMPDIR=. sponge KEY`},
	{name: "rsync", run: `touch -d 2001-01-01 "$SRC/new"; rsync "$SRC/new" KEY`},
	{name: "rsync makes", run: `rsync -a "$SRC/new" KEY`, have: map[string]string{}},
	{name: "rsync -a of a folder", run: `mkdir "$SRC/in"; echo new value, and longer > "$SRC/in/KEY"; rsync -a "$SRC/in/" .`, want: one("new value, and longer\n")},
	{name: "rsync --inplace", run: `touch -d 2001-01-01 "$SRC/new"; rsync --inplace "$SRC/new" KEY`},
	{name: "jq into another secret", run: `jq -c '.a = "new"' KEY > tmp && mv tmp KEY`, have: one(`{"a":"old"}`), want: one("{\"a\":\"new\"}\n"),
		also: []string{"tmp"}}, // nothing tells it from a secret that is wanted
	{name: "jq into scratch", run: `jq -c '.a = "new"' KEY > KEY.tmp && mv KEY.tmp KEY`, have: one(`{"a":"old"}`), want: one("{\"a\":\"new\"}\n")},
	{name: "jq into mktemp", run: `t=$(mktemp -p .) && jq -c '.a = "new"' KEY > "$t" && mv "$t" KEY`, have: one(`{"a":"old"}`), want: one("{\"a\":\"new\"}\n")},
	{name: "git config", run: `git config --file KEY user.name new`, have: one("[user]\n\tname = old\n"), want: one("[user]\n\tname = new\n")},
	{name: "git config makes", run: `git config --file KEY user.name new`, have: map[string]string{}, want: one("[user]\n\tname = new\n")},
	{name: "git credential-store", run: `printf 'protocol=https\nhost=example.invalid\nusername=u\npassword=fake\n\n' | git credential-store --file=KEY store`,
		have: one("https://u:" + "other@elsewhere.invalid\n"), want: one("https://u:" + "fake@example.invalid\nhttps://u:" + "other@elsewhere.invalid\n")},
	{name: "python open", run: `python3 -c 'open("KEY", "w").write("new value\n")'`},
	{name: "python os.replace", run: python(`f = tempfile.NamedTemporaryFile("w", dir=".", delete=False)`, `f.write("new value\n")`, `f.flush()`, `os.fsync(f.fileno())`, `f.close()`, `os.replace(f.name, "KEY")`)},
	{name: "node writeFileSync", run: `node -e 'fs.writeFileSync("KEY", "new value\n")'`},
	{name: "node appendFileSync", run: `node -e 'fs.appendFileSync("KEY", "x\n")'`, want: one("old value\nx\n")},
	{name: "node promises", run: `node -e 'fs.promises.writeFile("KEY", "new value\n")'`},

	// Editors.
	{name: "ed", run: `printf '%s\n' ,s/old/new/ w q | ed -s KEY`},
	{name: "ex", run: `ex -u NONE -i NONE -s -c '%s/old/new/' -c x KEY`},
	{name: "vim", run: vim + `-es '+%s/old/new/' +x KEY`},
	{name: "vim makes", run: vim + `-es '+normal inew value' +x KEY`, have: map[string]string{}},
	{name: "vim twice", run: vim + `-es '+%s/old/newer/' +w '+%s/newer/new/' +w +q KEY`, versions: 2},
	vimWith("backup"), vimWith("nobackup"), vimWith("nowritebackup"), vimWith("noswapfile"),
	vimWith("nobackup nowritebackup noswapfile"), vimWith("backup writebackup swapfile"),
	vimWith("backupcopy=yes"), vimWith("backupcopy=no"), vimWith("backup backupcopy=no"), vimWith("backup backupcopy=yes"),
	vimWith("undofile"), vimWith("nofsync"), vimWith("patchmode=.orig"),
	{name: "vim on a terminal", run: vim + `KEY`, keys: []keystroke{{"old value", "cwnew\x1b:wq\r"}}},
	{name: "vim on a terminal, renaming", run: vim + `--cmd 'set backup backupcopy=no undofile' KEY`, keys: []keystroke{{"old value", "cwnew\x1b:wq\r"}}},
	{name: "nano", run: `nano -I KEY`, keys: []keystroke{{"Exit", "\x0bnew value"}, {"Modified", "\x0f"}, {"Write", "\r"}, {"Wrote", "\x18"}}},
	{name: "nano with backup", run: `nano -I -B KEY`, keys: []keystroke{{"Exit", "\x0bnew value"}, {"Modified", "\x0f"}, {"Write", "\r"}, {"Wrote", "\x18"}}},

	// Names that a guess would take for scratch, but that are secrets.
	{name: "a number that is a secret", run: `echo new value > 4913`, have: map[string]string{"4913": "old"}, want: map[string]string{"4913": "new value\n"}},
	{name: "a dot file that is a secret", run: `sed -i s/old/new/ .npmrc`, have: map[string]string{".npmrc": "old\n"}, want: map[string]string{".npmrc": "new\n"}},
	{name: "a secret made again", run: `rm key; (umask 077; set -C; echo new value > key)`, have: map[string]string{"key": "old"}, want: map[string]string{"key": "new value\n"}},
}

func one(value string) map[string]string { return map[string]string{"KEY": value} }

func python(lines ...string) string {
	return "python3 -c '" + strings.Join(append([]string{"import os, tempfile"}, lines...), "\n") + "'"
}

// vimWith saves twice from one vim, because the second save finds what the first left.
func vimWith(options string) deed {
	return deed{name: "vim " + options, run: vim + `--cmd 'set ` + options + `' -es '+%s/old/newer/' +w '+%s/newer/new/' +w +q KEY`, versions: 2}
}

// What a program leaves as scratch is there for it by name, and listed for nobody.
func TestBackupsAreFoundByName(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one("old value\n"))
		sh(t, d.at("desk"), `perl -pi.bak -e s/old/new/ KEY`)
		require.Equal(t, "old value\n", sh(t, d.at("desk"), "cat KEY.bak"))
		require.Equal(t, "KEY\n", sh(t, d.at("desk"), "ls -A"))
		require.Equal(t, "KEY\n", sh(t, d.at("desk"), "rm KEY.bak; ls -A"))
		_, err := os.Stat(d.at("desk", "KEY.bak"))
		require.ErrorIs(t, err, os.ErrNotExist)
		require.Equal(t, []string{"PATCH KEY"}, d.record.writes("desk"))
	})
}
