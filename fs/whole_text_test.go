package fs

import (
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
)

// Every text can be written in pieces of any size.
func TestTextInPieces(t *testing.T) {
	const whole = "\u00e4 \u20ac \U0001f511 \u4e2d\u6587 end"
	for size := 1; size <= len(whole); size++ {
		w, k := alone(t)
		f, err := k.Open("demo/dev/GREETING", syscall.O_WRONLY|syscall.O_TRUNC)
		require.NoError(t, err)
		for off := 0; off < len(whole); off += size {
			_, err = f.WriteAt([]byte(whole[off:min(len(whole), off+size)]), int64(off))
			require.NoError(t, err)
		}
		require.NoError(t, f.Close())
		w.requireValue(t, dev, "GREETING", whole)
	}
	w, k := alone(t)
	require.Equal(t, syscall.EILSEQ, fusetest.WriteFile(k, "demo/dev/GREETING", "cut \xe2\x82"), "at the end of the text")
	w.requireValue(t, dev, "GREETING", "hello, world")
	require.Equal(t, "cut \xe2\x82", w.rejectedTexts()["GREETING.1"])
}

// A handle that emptied a value and then cannot write leaves the value, whatever
// is closed or synced between, and whatever is written after.
func TestAWriteThatIsRefusedHarmsNothing(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		for _, name := range []string{"GREETING", "NEW"} {
			f, err := v.CreateFile("demo/dev/"+name, syscall.O_WRONLY|syscall.O_TRUNC, 0o644)
			require.NoError(t, err)
			require.NoError(t, f.Sync(), "nothing was written yet")
			_, err = f.WriteAt([]byte("\xfe\xff"), 0)
			require.Equal(t, syscall.EILSEQ, err)
			require.Empty(t, w.Unsent(), "who wrote it knows that it is nowhere")
			require.Equal(t, syscall.EILSEQ, f.Sync())
			_, err = f.WriteAt([]byte("and then some text"), 2)
			require.NoError(t, err)
			require.Equal(t, syscall.EILSEQ, f.Sync())
			require.Equal(t, syscall.EILSEQ, f.Close())
		}
		require.Eventually(t, func() bool { return w.Counts().Open == 0 }, time.Minute, time.Millisecond)
		require.Empty(t, w.Writes())
		w.requireValue(t, dev, "GREETING", "hello, world")
		require.Empty(t, w.Unsent(), "what was refused at once was never said to be kept")
		require.Equal(t, "\xfe\xff", w.rejectedTexts()["GREETING.1"], "but it is, as an old value is")
		_, err := v.Stat("demo/dev/NEW")
		require.Equal(t, syscall.ENOENT, err)

		f, err := v.Open("demo/dev/GREETING", syscall.O_WRONLY)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("\xfe\xff"), 0)
		require.Equal(t, syscall.EILSEQ, err)
		require.NoError(t, f.Truncate(0))
		_, err = f.WriteAt([]byte("begun anew"), 0)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		w.requireValue(t, dev, "GREETING", "begun anew")
	})
}

// Programs that write what is no text, with what they say and what is there
// afterwards.
func TestProgramsThatWriteBytes(t *testing.T) {
	// ansible-vault destroys the old file before it makes a new one: with shred,
	// and if that fails in its own way, which is this.
	const vault = `python3 - GREETING <<'E'
import os, sys, subprocess
path = sys.argv[1]
if subprocess.call(["shred", path]) != 0:
    with open(path, "wb") as f:
        for i in range(3):
            f.seek(0, 0)
            f.write(os.urandom(12))
            os.fsync(f.fileno())
os.remove(path)
fd = os.open(path, os.O_CREAT|os.O_EXCL|os.O_RDWR|os.O_TRUNC, 0o600)
os.write(fd, b"encrypted")
os.close(fd)
E`
	for _, c := range []struct {
		name, script string
		fails        bool
		want         string // "": the secret is gone
	}{
		{"printf", `printf '\xff\xfe' > GREETING`, true, "hello, world"},
		{"cat", `head -c 100 /dev/urandom | cat > GREETING`, true, "hello, world"},
		{"cp", `head -c 100 /dev/urandom > /tmp/bytes.$$; trap 'rm /tmp/bytes.$$' EXIT; cp /tmp/bytes.$$ GREETING`, true, "hello, world"},
		{"dd", `dd if=/dev/urandom of=GREETING bs=64 count=1 status=none`, true, "hello, world"},
		{"appended", `printf '\xff\xfe' >> GREETING`, true, "hello, world"},
		{"shred -u", `shred -u GREETING`, false, ""},
		{"shred -fzu -n 5", `shred -fz -n 5 -u GREETING`, false, ""},
		{"shred --remove", `shred --remove=unlink -x GREETING`, false, ""},
		{"shred", `shred GREETING`, true, "hello, world"},
		{"ansible-vault", vault, true, "hello, world"},
		{"text that is long and not ASCII", `yes '€🔑' | head -c 400000 > /tmp/text.$$; trap 'rm /tmp/text.$$' EXIT; cat /tmp/text.$$ > GREETING`, false, strings.Repeat("€🔑\n", 50000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(writing)
			t.Cleanup(w.Close)
			mnt := fusetest.Mounted(t, w.Root(), w.Options())
			out, err := exec.Command("bash", "-c", `cd "$0" || exit; `+c.script, filepath.Join(mnt, "demo/dev")).CombinedOutput()
			require.Equal(t, c.fails, err != nil, "%v: %s", err, out)
			require.Eventually(t, func() bool {
				s, ok := w.Own(dev, "GREETING")
				return ok == (c.want != "") && (!ok || s.Value.Reveal() == c.want) && w.Counts().Open == 0
			}, 10*time.Second, time.Millisecond, "%s %v", out, lazy(func() any { return w.Writes() }))
		})
	}
}
