package fs

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret/secrettest"
)

// save opens, lets somebody else act and writes.
func save(t *testing.T, v fusetest.View, name, text string, between func()) error {
	f, err := v.CreateFile(name, syscall.O_WRONLY|syscall.O_TRUNC, 0o644)
	require.NoError(t, err)
	between()
	_, err = f.WriteAt([]byte(text), 0)
	require.NoError(t, err)
	return f.Close()
}

func TestLostUpdate(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		theirs := func() { w.Set(dev, "GREETING", "theirs") }
		require.Equal(t, syscall.ESTALE, save(t, v, "demo/dev/GREETING", "mine", theirs))
		w.requireValue(t, dev, "GREETING", "theirs")
		require.Equal(t, map[string]string{"GREETING.1": "mine"}, w.rejectedTexts())
		require.Equal(t, syscall.ESTALE, save(t, v, "demo/dev/GREETING", "theirs again", func() { w.Set(dev, "GREETING", "theirs again") }),
			"the same value is no excuse: two who count up have read the same number")
		require.NoError(t, save(t, v, "demo/dev/GREETING", "mine", func() {}))

		require.Equal(t, syscall.ESTALE, save(t, v, "demo/dev/GREETING", "mine", func() { w.Remove(dev, "GREETING") }), "deleted")
		require.Equal(t, syscall.ESTALE, save(t, v, "demo/dev/GREETING", "mine", theirs), "made by somebody else")
		w.Remove(dev, "EMPTY")
		w.Set(dev, "EMPTY", "")
		s, _ := w.Own(dev, "EMPTY")
		require.Equal(t, 1, s.Version)
		require.Equal(t, syscall.ESTALE, save(t, v, "demo/dev/EMPTY", "mine", func() {
			w.Remove(dev, "EMPTY")
			w.Set(dev, "EMPTY", "deleted and made again, it counts from 1")
		}))
	})
}

func TestOverwriteWins(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.NoError(t, save(t, v, "demo/dev/GREETING", "mine", func() { w.Set(dev, "GREETING", "theirs") }))
		w.requireValue(t, dev, "GREETING", "mine")
		require.NoError(t, save(t, v, "demo/dev/GREETING", "mine again", func() { w.Remove(dev, "GREETING") }))
		w.requireValue(t, dev, "GREETING", "mine again")
		require.NoError(t, save(t, v, "demo/dev/NEW", "mine", func() { w.Set(dev, "NEW", "theirs") }))
		w.requireValue(t, dev, "NEW", "mine")
	}, func(c *Config) { c.Overwrite = true })
}

// What slips through between looking and writing is at least reported.
func TestOverwrittenInTheWindow(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		w.BeforeWrites(func(r secrettest.Request) {
			if r.Kind == secrettest.KindUpdate {
				w.BeforeWrites(nil)
				w.Set(dev, "GREETING", "theirs")
			}
		})
		require.NoError(t, save(t, v, "demo/dev/GREETING", "mine", func() {}))
		require.EqualValues(t, 1, w.Counts().Writes.LostUpdates)
		require.Contains(t, w.logs.String(), "overwritten")
	})
}

// A process that has read a version writes on top of that one, whatever came
// since: an editor's user has seen the old text. Reading anew moves the base, a
// refusal does not.
func TestBaseIsWhatTheProcessHasRead(t *testing.T) {
	w := newWorld(writing)
	defer w.Close()
	k := fusetest.Direct(t, w.Root(), w.Options())
	as(k, os.Getpid())
	read := func() {
		_, err := fusetest.ReadFile(k, "demo/dev/GREETING")
		require.NoError(t, err)
	}
	write := func(text string) error { return fusetest.WriteFile(k, "demo/dev/GREETING", text) }
	read()
	w.Set(dev, "GREETING", "theirs")
	require.Equal(t, syscall.ESTALE, write("mine"))
	require.Equal(t, syscall.ESTALE, write("mine"))
	require.NoError(t, fusetest.WriteFile(k, "demo/dev/.new", "mine"))
	require.Equal(t, syscall.EBUSY, k.Rename("demo/dev/.new", "demo/dev/GREETING"))
	read()
	require.NoError(t, write("mine"))
	require.NoError(t, write("mine, again"))
	require.NoError(t, k.Rename("demo/dev/.new", "demo/dev/GREETING"))

	as(k, another(t))
	require.NoError(t, write("somebody who has read nothing has the version at open as base"))
	w.Set(dev, "GREETING", "theirs")
	require.NoError(t, write("also later"))
	as(k, os.Getpid())
	require.Equal(t, syscall.ESTALE, write("mine"))
}

// Scratch is based on what was there when it was created.
func TestBaseOfScratch(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/.new", "mine"))
		w.Set(dev, "GREETING", "theirs")
		require.Equal(t, syscall.EBUSY, v.Rename("demo/dev/.new", "demo/dev/GREETING"))
		w.Set(dev, "NEW", "theirs")
		require.Equal(t, syscall.EBUSY, v.Rename("demo/dev/.new", "demo/dev/NEW"))
		require.Equal(t, "mine", w.rejectedTexts()["GREETING.1"])
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/.newer", "mine"))
		require.NoError(t, v.Rename("demo/dev/.newer", "demo/dev/GREETING"))
	})
}

// Who reads sees one version or an error, whoever writes.
func TestReadersBesideWriters(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		old, err := v.Open("demo/dev/GREETING", syscall.O_RDONLY)
		require.NoError(t, err)
		defer old.Close()
		var done atomic.Bool
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				for !done.Load() {
					text, err := fusetest.ReadFile(v, "demo/dev/GREETING")
					if err != nil || text != "hello, world" && (len(text) != 5000 || bytes.Count([]byte(text), []byte(text[:1])) != 5000) {
						t.Errorf("read %d bytes, error %v", len(text), err)
						return
					}
				}
			})
		}
		for i := range 20 {
			f, err := v.Open("demo/dev/GREETING", syscall.O_WRONLY|syscall.O_TRUNC)
			require.NoError(t, err)
			for off := 0; off < 5000; off += 500 {
				_, err := f.WriteAt(bytes.Repeat([]byte{byte('a' + i)}, 500), int64(off))
				require.NoError(t, err)
			}
			require.NoError(t, f.Close())
		}
		done.Store(true)
		readers.Wait()
		_, err = fusetest.ReadAll(old)
		require.Equal(t, syscall.ESTALE, err, "it could not be waited for")
	}, ttl(time.Minute))
}

// Processes that count up together lose nothing: who is late is told.
func TestCountingTogether(t *testing.T) {
	w := newWorld(writing)
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	t.Cleanup(w.Close)
	w.Set(dev, "COUNT", "0")
	const script = `import sys
for i in range(10):
    while True:
        with open(sys.argv[1]) as f: n = int(f.read())
        try:
            with open(sys.argv[1], "w") as f: f.write(str(n + 1))
            break
        except OSError as e:
            if e.errno != 116: raise`
	var counters sync.WaitGroup
	for range 4 {
		counters.Go(func() {
			out, err := exec.Command("python3", "-c", script, filepath.Join(mnt, "demo/dev/COUNT")).CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	counters.Wait()
	w.requireValue(t, dev, "COUNT", "40")
	require.Zero(t, w.Counts().Writes.LostUpdates)
}

func TestSeveralWritersOfOneProcess(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		if k, ok := v.(*fusetest.Kernel); ok {
			as(k, os.Getpid())
		}
		f, err := v.Open("demo/dev/GREETING", syscall.O_WRONLY)
		require.NoError(t, err)
		g, err := v.Open("demo/dev/GREETING", syscall.O_WRONLY)
		require.NoError(t, err)
		for _, f := range []fusetest.File{f, g} {
			_, err = f.WriteAt([]byte("J"), 0)
			require.NoError(t, err)
			require.NoError(t, f.Close())
		}
		require.Len(t, w.Writes(), 1)
	})
}

// What close has acknowledged is there for everybody, at once.
func TestAcknowledged(t *testing.T) {
	w := newWorld(writing)
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	t.Cleanup(w.Close)
	const script = `import os, sys, threading
def work(path):
    for i in range(50):
        with open(path, "w") as f: f.write(str(i))
        with open(path) as f: got = f.read()
        if got != str(i): print(path, i, got)
threads = [threading.Thread(target=work, args=(sys.argv[1] + str(n),)) for n in range(4)]
for t in threads: t.start()
for t in threads: t.join()`
	var writers sync.WaitGroup
	for _, name := range []string{"A", "B", "C", "D"} {
		writers.Go(func() {
			out, err := exec.Command("python3", "-c", script, filepath.Join(mnt, "demo/dev", name)).CombinedOutput()
			if err != nil || len(out) > 0 {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	writers.Wait()
	require.Len(t, w.Writes(), 4*4*50)
}
