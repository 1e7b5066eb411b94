package fs

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
)

// shell runs a script in the folder dev of a mounted world. It is bash that goes
// there: the Go runtime holds its processor while a child changes directory.
func shell(t *testing.T, mnt, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-c", `cd "$0" || exit; `+script, filepath.Join(mnt, "demo/dev"))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", script, out)
	return string(out)
}

// Each line is a way to write that people use, with what the server has then,
// and the requests that took.
func TestProgramsThatWrite(t *testing.T) {
	for _, c := range []struct {
		name, script, want string
		writes             []string
		programs           string
	}{
		{"echo", `echo v > GREETING`, "v\n", []string{"update GREETING"}, ""},
		{"echo new", `echo v > NEW; mv NEW GREETING`, "v\n", []string{"create NEW", "update GREETING", "delete NEW"}, ""},
		{"append", `printf , >> GREETING; printf ! >> GREETING`, "hello, world,!", []string{"update GREETING", "update GREETING"}, ""},
		{"empty", `: > GREETING`, "", []string{"update GREETING"}, ""},
		{"empty, then append", `: > GREETING; echo x >> GREETING; cat GREETING`, "x\n", []string{"update GREETING", "update GREETING"}, ""},
		{"same", `printf 'hello, world' > GREETING`, "hello, world", nil, ""},
		{"group", `{ echo a; echo b; /bin/echo c; } > GREETING`, "a\nb\nc\n", []string{"update GREETING"}, ""},
		{"exec", `exec 3>GREETING; echo a >&3; (echo b >&3); echo c >&3; exec 3>&-`, "a\nb\nc\n", []string{"update GREETING", "update GREETING"}, ""},
		{"truncate", `truncate -s 5 GREETING`, "hello", []string{"update GREETING"}, ""},
		{"touch", `touch GREETING`, "hello, world", nil, ""},
		{"touch new", `touch NEW; mv NEW OTHER; rm OTHER`, "hello, world", []string{"create NEW", "rename NEW", "delete OTHER"}, ""},
		{"cp", `cp /etc/hostname X && cat X > GREETING && rm X`, "", nil, "-"},
		{"install", `f=$(mktemp); echo i > $f; install -m 600 $f GREETING; rm $f`, "i\n", []string{"delete GREETING", "create GREETING"}, ""},
		{"sed -i", `sed -i s/world/there/ GREETING`, "hello, there", []string{"update GREETING"}, "sed"},
		{"perl -pi", `perl -pi -e s/world/perl/ GREETING`, "hello, perl", []string{"update GREETING"}, "perl"},
		{"perl -pi.bak", `perl -pi.bak -e s/world/perl/ GREETING`, "hello, perl", []string{"update GREETING"}, "perl"},
		{"tee -a", `echo more | tee -a GREETING`, "hello, worldmore\n", []string{"update GREETING"}, ""},
		{"dd", `printf J | dd of=GREETING conv=notrunc status=none`, "Jello, world", []string{"update GREETING"}, ""},
		{"ed", `printf '%s\n' s/world/ed/ w q | ed -s GREETING`, "hello, ed\n", []string{"update GREETING"}, "ed"},
		{"vim", `vim -Nes -u NONE +s/world/vim/ +wq GREETING`, "hello, vim\n", []string{"update GREETING"}, "vim"},
		{"vim backup", `vim -Nes -u NONE '+set backup writebackup backupcopy=no swapfile' +s/world/vim/ +wq GREETING`, "hello, vim\n", []string{"update GREETING"}, "vim"},
		{"vim swap", `vim -Nes -u NONE '+set swapfile dir=. backupcopy=yes' +s/world/vim/ +wq GREETING`, "hello, vim\n", []string{"update GREETING"}, "vim"},
		{"sponge", `sed s/world/sponge/ GREETING | sponge GREETING`, "hello, sponge", []string{"update GREETING"}, "sponge"},
		{"git config", `git config --file GREETING a.b c`, "", nil, "-"},
		{"python replace", `python3 - <<'E'
import os, tempfile
fd, name = tempfile.mkstemp(dir=".")
os.write(fd, b"replaced"); os.fsync(fd); os.close(fd)
os.replace(name, "GREETING")
E`, "replaced", []string{"update GREETING"}, "python3"},
		{"python late", `python3 - <<'E'
import os, tempfile
with tempfile.NamedTemporaryFile("w", dir=".", delete=False) as f:
    f.write("late")
    os.replace(f.name, "GREETING")
E`, "late", []string{"update GREETING", "update GREETING"}, "python3"},
		{"python seek", `python3 - <<'E'
with open("GREETING", "r+") as f:
    f.write("HELLO"); f.flush(); f.seek(0, 2); f.write("!!")
E`, "HELLO, world!!", []string{"update GREETING"}, "python3"},
		{"rsync", `f=$(mktemp); echo r > $f; rsync $f GREETING; rm $f`, "r\n", []string{"update GREETING"}, "rsync"},
		{"patch", `printf -- '--- GREETING\n+++ GREETING\n@@ -1 +1 @@\n-hello, world\n\\ No newline at end of file\n+patched\n' | patch -s GREETING`, "patched\n", []string{"update GREETING"}, "patch"},
	} {
		if c.programs == "-" {
			continue
		}
		for name, remember := range map[string]time.Duration{"": 0, " with a cache in the kernel": time.Minute} {
			t.Run(c.name+name, func(t *testing.T) {
				if c.programs != "" {
					if _, err := exec.LookPath(c.programs); err != nil {
						t.Fatalf("scripts/test installs what the tests need: %v", err)
					}
				}
				w := newWorld(writing, ttl(remember))
				mnt := fusetest.Mounted(t, w.Root(), w.Options())
				t.Cleanup(w.Close)
				shell(t, mnt, "cat GREETING EMPTY >/dev/null; ls -l >/dev/null; "+c.script)
				require.Eventually(t, func() bool {
					s, ok := w.Own(dev, "GREETING")
					return ok && s.Value.Reveal() == c.want && strings.Join(w.Writes(), "; ") == strings.Join(c.writes, "; ")
				}, 5*time.Second, time.Millisecond, "%s\nwrites: %v\nvalue: %v\nlog: %s", c.script, lazy(func() any { return w.Writes() }),
					lazy(func() any { s, _ := w.Own(dev, "GREETING"); return s.Value.Reveal() }), w.logs)
				require.Equal(t, c.want, shell(t, mnt, "cat GREETING"))
			})
		}
	}
}

// lazy is formatted when a message is needed.
type lazy func() any

func (l lazy) String() string { return strings.TrimSpace(strings.ReplaceAll(sprint(l()), "\n", "\\n")) }

func sprint(v any) string { return fmt.Sprintf("%v", v) }
