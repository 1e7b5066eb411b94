package e2e

import (
	"os"
	"testing"

	"infisicalfs/internal/devserver"
)

// The flags of mounts on which programs are tried whose temporary files have the
// mode of the original: the mode says nothing about them then.
var manners = map[string][]string{
	"default":     nil,
	"for a group": {"--allow-other", "--mode=0644", "--dir-mode=0755"},
}

// replacing are programs that make a temporary file beside KEY, fill it and rename
// it onto KEY: each makes one version of KEY, and of the temporary file the server
// hears nothing.
var replacing = []deed{
	{name: "sed -i", run: `sed -i s/old/new/ KEY`},
	{name: "busybox sed -i", run: `busybox sed -i s/old/new/ KEY`},
	{name: "perl -i", run: `perl -i -pe s/old/new/ KEY`},
	{name: "perl File::Temp, template", run: `perl -MFile::Temp=tempfile -e '($f, $n) = tempfile("KEYXXXXXXXX"); print $f "new value\n"; close $f; rename $n, "KEY" or die $!'`},
	{name: "perl File::Temp, none", run: `perl -MFile::Temp=tempfile -e '($f, $n) = tempfile(DIR => "."); print $f "new value\n"; close $f; rename $n, "KEY" or die $!'`,
		hears: true}, // ten letters and digits with nothing before them: so are secrets called
	{name: "patch", run: `printf -- '--- KEY\n+++ KEY\n@@ -1 +1 @@\n-old value\n+new value\n' | patch -s KEY`},
	{name: "dos2unix", run: `dos2unix -q KEY`, have: one("new value\r\n")},
	{name: "write-file-atomic", run: `node -e 'require("write-file-atomic").sync("KEY", "new value\n")'`},
	{name: "write-file-atomic, promises", run: `node -e 'require("write-file-atomic")("KEY", "new value\n")'`},
	{name: "atomically", run: `node --input-type=module -e 'import { createRequire } from "node:module"; const { writeFileSync } = await import(createRequire(process.env.NODE_PATH + "/").resolve("atomically")); writeFileSync("KEY", "new value\n")'`},
	{name: "GLib", run: `/usr/bin/python3 -c 'from gi.repository import GLib; GLib.file_set_contents("KEY", b"new value\n")'`},
	{name: "python tempfile", run: python(`f = tempfile.NamedTemporaryFile("w", dir=".", delete=False)`, `f.write("new value\n")`, `f.close()`, `os.replace(f.name, "KEY")`)},
	{name: "python tempfile, prefix", run: python(`f = tempfile.NamedTemporaryFile("w", dir=".", prefix="KEY", delete=False)`, `f.write("new value\n")`, `f.close()`, `os.replace(f.name, "KEY")`)},
	{name: "python tempfile, suffix", run: python(`f = tempfile.NamedTemporaryFile("w", dir=".", prefix="KEY.", suffix=".new", delete=False)`, `f.write("new value\n")`, `f.close()`, `os.replace(f.name, "KEY")`)},
	{name: "php tempnam", run: `php -r '$t = tempnam(".", "KEY"); file_put_contents($t, "new value\n"); rename($t, "KEY");'`},
	{name: "ruby Tempfile", run: `ruby -rtempfile -e 'f = Tempfile.create("KEY", "."); f.write("new value\n"); f.close; File.rename(f.path, "KEY")'`},
	{name: "Go CreateTemp", run: `"$REPLACE" KEY`},
	{name: "Go CreateTemp, suffix", run: `"$REPLACE" 'KEY-*.new'`},
	{name: "Go renameio", run: `"$REPLACE"`},
	{name: "mktemp and mv", run: `t=$(mktemp KEY.XXXXXX) && cat "$SRC/new" >"$t" && mv "$t" KEY`},
	{name: "mktemp of ten and mv", run: `t=$(mktemp -p .) && cat "$SRC/new" >"$t" && mv "$t" KEY`},
	{name: "mktemp of another process", run: `sh -c 'mktemp KEY.XXXXXX >"$SRC/name"'; sh -c 'read -r t <"$SRC/name"; cat "$SRC/new" >"$t"'; sh -c 'read -r t <"$SRC/name"; sed -i s/value/value/ "$t"; mv "$t" KEY'`},
	{name: "sort -T", run: `seq 40000 >"$SRC/many"; sort -T . -S 40k --parallel=1 -r "$SRC/many" | tail -n 1 >/dev/null; sort -o KEY "$SRC/new"`},
	{name: "rsync", run: `touch -d 2001-01-01 "$SRC/new"; rsync "$SRC/new" KEY`},
	{name: "rsync --partial", run: `touch -d 2001-01-01 "$SRC/new"; rsync --partial "$SRC/new" KEY`},
	{name: "rsync --backup", run: `touch -d 2001-01-01 "$SRC/new"; rsync --backup "$SRC/new" KEY`},
	{name: "rsync --delay-updates", run: `mkdir "$SRC/in"; echo new value, longer >"$SRC/in/KEY"; echo made >"$SRC/in/MADE"; rsync -a --delay-updates "$SRC/in/" .`,
		want: map[string]string{"KEY": "new value, longer\n", "MADE": "made\n"}},
	{name: "visudo", run: `printf '#!/bin/sh\necho "# new value" >"$2"\n' >"$SRC/edit"; chmod +x "$SRC/edit"; VISUAL="$SRC/edit" visudo -q -f KEY >/dev/null`,
		have: one("# old value\n"), want: one("# new value\n")},
	{name: "proper-lockfile", run: `node -e 'const { lock } = require("proper-lockfile"); lock("KEY").then(free => { require("fs").writeFileSync("KEY", "new value\n"); return free() })'`},
	{name: "a lock that is a file", run: `(set -C; : >KEY.lock) && echo new value >KEY && rm KEY.lock`},
	{name: "a lock of mode 0", run: python(`os.close(os.open("KEY.lock", os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0))`, `open("KEY", "w").write("new value\n")`, `os.unlink("KEY.lock")`,
		`os.close(os.open("KEY.lock", os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0))`, `os.unlink("KEY.lock")`)},
	{name: "sqlite's journal", run: `python3 -c 'import sqlite3
try:
    c = sqlite3.connect("db.sqlite"); c.execute("create table t (a)"); c.commit()
except sqlite3.OperationalError:
    pass # a database is no text
'; rm -f db.sqlite; echo new value >KEY`, also: []string{"db.sqlite"}},

	// What keeps a copy of the old value beside it.
	{name: "sed -i.old", run: `sed -i.old s/old/new/ KEY`},
	{name: "sed -i.bak", run: `sed -i.bak s/old/new/ KEY`},
	{name: "perl -i.bak", run: `perl -i.bak -pe s/old/new/ KEY`},
	{name: "perl -i.orig", run: `perl -i.orig -pe s/old/new/ KEY`},
	{name: "patch -b", run: `printf -- '--- KEY\n+++ KEY\n@@ -1 +1 @@\n-old value\n+new value\n' | patch -s -b KEY`},
	{name: "cp --backup", run: `cp --backup "$SRC/new" KEY`},
	{name: "cp --backup=numbered", run: `cp --backup=numbered "$SRC/new" KEY`},
	{name: "install -b", run: `install -b "$SRC/new" KEY`},
	{name: "helix", run: python(`os.rename("KEY", "KEYaB3xY9.bck")`, `f = os.open("KEY", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)`, `os.write(f, b"new value\n")`, `os.fsync(f)`, `os.close(f)`, `os.unlink("KEYaB3xY9.bck")`)},
	{name: "an editor of JetBrains", run: python(`f = os.open("KEY___jb_tmp___", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)`, `os.write(f, b"new value\n")`, `os.close(f)`, `os.rename("KEY", "KEY___jb_old___")`, `os.rename("KEY___jb_tmp___", "KEY")`, `os.unlink("KEY___jb_old___")`)},
	{name: "vim, renaming", run: vim + `--cmd 'set backup backupcopy=no' -es '+%s/old/new/' +x KEY`},
	{name: "mv to .old and echo", run: `mv KEY KEY.old; echo new value >KEY; rm KEY.old`},
	{name: "joe", run: `joe -nobackups KEY`, keys: []keystroke{{"old value", "\x19new value\r"}, {"Modified", "\x0bx"}}},
	{name: "joe with backup", run: `joe KEY`, keys: []keystroke{{"old value", "\x19new value\r"}, {"Modified", "\x0bx"}}},
}

// bulky are programs that are large to install; they are tried with PROGRAMS=all.
var bulky = []deed{
	{name: "emacs", run: `emacs --batch --quick --eval '(progn (setq inhibit-message t) (find-file "KEY") (while (search-forward "old" nil t) (replace-match "new")) (save-buffer))' 2>/dev/null`},
	{name: "emacs, renaming", run: `emacs --batch --quick --eval '(progn (setq inhibit-message t backup-by-copying nil file-precious-flag t) (find-file "KEY") (while (search-forward "old" nil t) (replace-match "new")) (save-buffer))' 2>/dev/null`},
	{name: "kakoune", run: `kak -n KEY`, keys: []keystroke{{"ld value", "%cnew value\x1b"}, {"1 sel", ":wq\r"}}},
	{name: "micro", run: `micro KEY`, keys: []keystroke{{"old value", "\x0bnew value\r"}, {"new value", "\x13"}, {"Saved", "\x11"}}},
	{name: "kubectl config", run: `kubectl --kubeconfig KEY config set-cluster c --server=https://new.invalid >/dev/null`, have: one("apiVersion: v1\nkind: Config\n"),
		want: one("apiVersion: v1\nclusters:\n- cluster:\n    server: https://new.invalid\n  name: c\ncontexts: null\ncurrent-context: \"\"\nkind: Config\npreferences: {}\nusers: null\n")},
	{name: "Java createTempFile", run: `cat >"$SRC/T.java" <<'END'
import java.nio.file.*;
class T { public static void main(String[] a) throws Exception {
	Path t = Files.createTempFile(Path.of("."), "KEY", a.length == 0 ? null : a[0]);
	Files.writeString(t, "new value\n");
	Files.move(t, Path.of("KEY"), StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
} }
END
java "$SRC/T.java"`},
	{name: "Java createTempFile, suffix", run: `cat >"$SRC/T.java" <<'END'
import java.nio.file.*;
class T { public static void main(String[] a) throws Exception {
	Path t = Files.createTempFile(Path.of("."), "KEY", ".new");
	Files.writeString(t, "new value\n");
	Files.move(t, Path.of("KEY"), StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
} }
END
java "$SRC/T.java"`},
	{name: "augeas", run: `printf 'set /files%s/a new\nsave\nquit\n' "$PWD/KEY" | augtool --noload --noautoload --transform "Shellvars.lns incl $PWD/KEY" --timing >/dev/null`,
		have: one("a=old\n"), want: one("a=new\n")},
	{name: "ansible-vault", run: `echo fake >"$SRC/pass"; ! ansible-vault encrypt --vault-password-file "$SRC/pass" KEY >/dev/null 2>&1`,
		want: one(old), none: true}, // it overwrites the old value with noise first, which is no text
}

// After each of these programs the server has what it meant, in one version, and
// has heard of no temporary file, whatever the files' mode.
func TestProgramsThatReplace(t *testing.T) {
	t.Parallel()
	list := replacing
	if os.Getenv("PROGRAMS") == "all" {
		list = append(list, bulky...)
	}
	for name, flags := range manners {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var folders []string
			for _, c := range list {
				folders = append(folders, folderOf(c))
			}
			d := newDesk(t, devserver.Current, folders, append(flags, "--ttl=1h")...)
			for _, c := range list {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.completed().check(t, d)
				})
			}
		})
	}
}
