package fs

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// as makes the requests those of a process.
func as(k *fusetest.Kernel, pid int) { k.Caller.Pid = uint32(pid) }

// another starts a process that does nothing until the test ends.
func another(t *testing.T) int {
	cmd := exec.Command("sleep", "1000")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd.Process.Pid
}

// A copy of the descriptor that somebody else closes is no reason to send.
func TestFlushOfAnotherProcess(t *testing.T) {
	w := newWorld(writing)
	defer w.Close()
	k := fusetest.Direct(t, w.Root(), w.Options())
	as(k, os.Getpid())
	f, err := k.Open("demo/dev/GREETING", syscall.O_WRONLY|syscall.O_TRUNC)
	require.NoError(t, err)
	h := w.drafts.of(dev, "GREETING")[0]
	ctx := func(pid int) context.Context { return fuseContext(pid) }
	other := another(t)
	require.Zero(t, h.Flush(ctx(os.Getpid())), "the shell closes the descriptor that it has copied")
	require.Empty(t, w.Writes(), "nothing has been written yet")
	_, err = f.WriteAt([]byte("half"), 0)
	require.NoError(t, err)
	require.Zero(t, h.Flush(ctx(other)))
	require.Empty(t, w.Writes())
	_, err = f.WriteAt([]byte(" and half"), 4)
	require.NoError(t, err)
	require.Zero(t, h.Flush(ctx(os.Getpid())))
	require.Equal(t, []string{"update GREETING"}, w.Writes())
	w.requireValue(t, dev, "GREETING", "half and half")
	require.NoError(t, f.Close())
	require.Len(t, w.Writes(), 1)
}

// A process that executes another program closes its files while the kernel
// keeps much of what /proc could tell about it locked.
func TestCloseByExec(t *testing.T) {
	w := newWorld(writing)
	t.Cleanup(w.Close)
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	out, err := exec.Command("python3", "-c", `import os,sys
f = os.open(sys.argv[1], os.O_WRONLY|os.O_TRUNC)
os.write(f, b"one ")
os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
os.write(f, b"two")
os.execv("/bin/true", ["true"])`, filepath.Join(mnt, "demo/dev/GREETING")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	w.requireValue(t, dev, "GREETING", "one two")
	require.Equal(t, []string{"update GREETING"}, w.Writes())
}

// What no process of ours closes is sent when the file is let go.
func TestReleaseSends(t *testing.T) {
	w := newWorld(writing)
	defer w.Close()
	k := fusetest.Direct(t, w.Root(), w.Options())
	as(k, os.Getpid())
	f, err := k.Open("demo/dev/GREETING", syscall.O_WRONLY)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("J"), 0)
	require.NoError(t, err)
	as(k, another(t))
	h := w.drafts.of(dev, "GREETING")[0]
	require.Zero(t, h.Flush(fuseContext(int(k.Caller.Pid))))
	require.Zero(t, h.Release(fuseContext(0)))
	w.requireValue(t, dev, "GREETING", "Jello, world")
}

func TestFailureAtRelease(t *testing.T) {
	w := newWorld(writing)
	defer w.Close()
	k := fusetest.Direct(t, w.Root(), w.Options())
	as(k, os.Getpid())
	_, err := k.Open("demo/dev/GREETING", syscall.O_WRONLY|syscall.O_APPEND)
	require.NoError(t, err)
	h := w.drafts.of(dev, "GREETING")[0]
	_, errno := h.Write(fuseContext(os.Getpid()), []byte("!"), 0)
	require.Zero(t, errno)
	w.FailWrites(secrettest.KindUpdate, secret.ErrUnavailable)
	h.Release(fuseContext(0))
	require.EqualValues(t, 1, w.Counts().Writes.FailedReleases)
	require.Equal(t, "hello, world!", w.rejectedTexts()["GREETING.1"])
	require.Contains(t, w.logs.String(), "op=release")
}

// A failure is told once, and neither forgotten nor repaired behind the
// program's back. fsync may try again.
func TestFailedClose(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		f, err := v.Open("demo/dev/GREETING", syscall.O_WRONLY|syscall.O_TRUNC)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("text"), 0)
		require.NoError(t, err)
		w.FailWrites(secrettest.KindUpdate, secret.ErrUnavailable)
		require.Equal(t, syscall.EIO, f.Sync())
		w.FailWrites(secrettest.KindUpdate, secret.ErrTimeout)
		require.Equal(t, syscall.ETIMEDOUT, f.Sync())
		w.FailWrites(secrettest.KindUpdate, nil)
		require.Equal(t, syscall.ETIMEDOUT, f.Close(), "it was not sent meanwhile")
		w.requireValue(t, dev, "GREETING", "hello, world")
		require.Equal(t, map[string]string{"GREETING.1": "text"}, w.rejectedTexts(), "once")

		f, err = v.Open("demo/dev/GREETING", syscall.O_WRONLY|syscall.O_TRUNC)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("text"), 0)
		require.NoError(t, err)
		w.FailWrites(secrettest.KindUpdate, secret.ErrUnavailable)
		require.Equal(t, syscall.EIO, f.Sync())
		w.FailWrites(secrettest.KindUpdate, nil)
		require.NoError(t, f.Sync())
		require.NoError(t, f.Close())
		w.requireValue(t, dev, "GREETING", "text")
	})
}

// The kernel closes the files of a killed process like any other's.
func TestKilledWriter(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		want   map[string]string
	}{
		"killed after a write":    {`exec bash -c 'exec 3>>GREETING; printf half | dd bs=4 status=none >&3; exec python3 -c "import os,signal; os.write(3, b\"half\"); os.kill(os.getpid(), signal.SIGKILL)"'`, map[string]string{"GREETING.1": "hello, worldhalfhalf"}},
		"killed before a write":   {`python3 -c 'import os,signal; os.open("GREETING", os.O_WRONLY|os.O_TRUNC); os.kill(os.getpid(), signal.SIGKILL)'`, map[string]string{}},
		"killed while creating":   {`python3 -c 'import os,signal; f=os.open("NEW", os.O_WRONLY|os.O_CREAT); os.write(f, b"half"); os.kill(os.getpid(), signal.SIGTERM)'`, map[string]string{"NEW.1": "half"}},
		"killed with threads":     {`python3 -c 'import os,signal,threading,time; f=os.open("GREETING", os.O_WRONLY|os.O_TRUNC); threading.Thread(target=time.sleep, args=(100,)).start(); os.write(f, b"half"); os.kill(os.getpid(), signal.SIGTERM)'`, map[string]string{"GREETING.1": "half"}},
		"killed shell":            {`exec bash -c 'exec 3>GREETING; /bin/echo half >&3; kill -KILL $$'`, map[string]string{"GREETING.1": "half\n"}},
		"killed child that wrote": {`exec 3>GREETING; python3 -c 'import os,signal; os.write(3, b"half"); os.kill(os.getpid(), signal.SIGTERM)'; exec 3>&-`, map[string]string{"GREETING.1": "half"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(writing)
			t.Cleanup(w.Close)
			mnt := fusetest.Mounted(t, w.Root(), w.Options())
			cmd := exec.Command("bash", "-c", `cd "$0" || exit; `+c.script+`; true`, filepath.Join(mnt, "demo/dev"))
			out, _ := cmd.CombinedOutput()
			require.Eventually(t, func() bool { return w.Counts().Open == 0 }, time.Minute, time.Millisecond)
			require.Empty(t, w.Writes(), "%s", out)
			require.Equal(t, c.want, w.rejectedTexts())
			require.EqualValues(t, 1, w.Counts().Writes.Killed)
			w.requireValue(t, dev, "GREETING", "hello, world")
			require.Equal(t, "hello, world", shell(t, mnt, "cat GREETING; test ! -e NEW"))
		})
	}
	t.Run("failed, not killed", func(t *testing.T) {
		w := newWorld(writing)
		t.Cleanup(w.Close)
		mnt := fusetest.Mounted(t, w.Root(), w.Options())
		shell(t, mnt, `python3 -c 'import os,sys; os.write(os.open("GREETING", os.O_WRONLY|os.O_TRUNC), b"whole"); os._exit(3)' || true`)
		w.requireValue(t, dev, "GREETING", "whole")
	})
	t.Run("killed bystander", func(t *testing.T) {
		w := newWorld(writing)
		t.Cleanup(w.Close)
		mnt := fusetest.Mounted(t, w.Root(), w.Options())
		shell(t, mnt, `{ printf whole; sleep 100 & kill -9 $!; wait $! || true; printf r; } > GREETING`)
		w.requireValue(t, dev, "GREETING", "wholer")
	})
}

// ^C on a write that waits works at once, and nothing is written. The end of a
// child is no ^C, though the kernel reports it in the same way.
func TestInterruptedWrite(t *testing.T) {
	run := func(t *testing.T, script string, signal syscall.Signal) *world {
		w := newWorld(writing)
		t.Cleanup(w.Close)
		mnt := fusetest.Mounted(t, w.Root(), w.Options())
		cmd := exec.Command("python3", "-c", script, filepath.Join(mnt, "demo/dev/GREETING"))
		arrived := make(chan struct{}, 10)
		stored := 0
		w.BeforeWrites(func(r secrettest.Request) {
			if r.Kind != secrettest.KindStored {
				return
			}
			if stored++; stored == 2 { // the look before sending
				w.Hang(true)
				arrived <- struct{}{}
			}
		})
		require.NoError(t, cmd.Start())
		<-arrived
		if signal != 0 {
			require.NoError(t, cmd.Process.Signal(signal))
		}
		if signal != syscall.SIGINT { // which ends the wait by itself
			time.AfterFunc(300*time.Millisecond, func() { w.Hang(false) })
		}
		_ = cmd.Wait()
		w.Hang(false)
		require.Eventually(t, func() bool { return w.Counts().Open == 0 }, time.Minute, time.Millisecond)
		return w
	}
	t.Run("^C", func(t *testing.T) {
		w := run(t, `import os,sys,signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
f = os.open(sys.argv[1], os.O_WRONLY|os.O_TRUNC)
os.write(f, b"text")
os.close(f)`, syscall.SIGINT)
		require.Empty(t, w.Writes())
		w.requireValue(t, dev, "GREETING", "hello, world")
		require.Equal(t, map[string]string{"GREETING.1": "text"}, w.rejectedTexts())
	})
	t.Run("the end of a child", func(t *testing.T) {
		w := run(t, `import os,sys,signal,time
signal.signal(signal.SIGCHLD, lambda *a: None)
f = os.open(sys.argv[1], os.O_WRONLY|os.O_TRUNC)
os.write(f, b"text")
if os.fork() == 0:
    os.close(f)
    time.sleep(0.1)
    os._exit(0)
os.close(f)`, 0)
		w.requireValue(t, dev, "GREETING", "text")
	})
	// An editor whose terminal goes away saves what was typed, and hears of the
	// hang-up twice: by the end of its input, and by the signal.
	for name, signal := range map[string]syscall.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM} {
		t.Run("a handled "+name, func(t *testing.T) {
			w := run(t, `import os,sys,signal
signal.signal(signal.SIG`+name+`, lambda *a: None)
f = os.open(sys.argv[1], os.O_WRONLY|os.O_TRUNC)
os.write(f, b"text")
os.close(f)`, signal)
			w.requireValue(t, dev, "GREETING", "text")
			require.Empty(t, w.rejectedTexts())
		})
	}
}

// What was removed while it was open goes nowhere.
func TestRemovedWhileOpen(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		open := func(name string) fusetest.File {
			f, err := v.CreateFile("demo/dev/"+name, syscall.O_WRONLY|syscall.O_TRUNC, 0o644)
			require.NoError(t, err)
			_, err = f.WriteAt([]byte("text"), 0)
			require.NoError(t, err)
			return f
		}
		f, g, h := open("GREETING"), open("NEW"), open("EMPTY")
		require.NoError(t, v.Unlink("demo/dev/GREETING"))
		require.NoError(t, v.Unlink("demo/dev/NEW"))
		w.Set(dev, "OTHER", "other")
		require.NoError(t, v.Rename("demo/dev/OTHER", "demo/dev/EMPTY"))
		for _, f := range []fusetest.File{f, g, h} {
			_, err := f.WriteAt([]byte("more"), 0)
			require.NoError(t, err)
			require.NoError(t, f.Close())
		}
		require.Equal(t, []string{"delete GREETING", "update EMPTY", "delete OTHER"}, w.Writes())
		w.requireValue(t, dev, "EMPTY", "other")
	})
}

// Who goes on writing to what was renamed writes to it under its new name.
func TestRenamedWhileOpen(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		f, err := v.Open("demo/dev/GREETING", syscall.O_WRONLY|syscall.O_APPEND)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("!"), 0)
		require.NoError(t, err)
		require.NoError(t, v.Rename("demo/dev/GREETING", "demo/dev/HELLO"))
		require.NoError(t, f.Close())
		w.requireValue(t, dev, "HELLO", "hello, world!")
		_, ok := w.Own(dev, "GREETING")
		require.False(t, ok)
	})
}

// A file that was emptied by opening it is sent late. By then its process may
// have written it with another handle, and that came after.
func TestEmptyingIsOlderThanWriting(t *testing.T) {
	w := newWorld(writing)
	defer w.Close()
	k := fusetest.Direct(t, w.Root(), w.Options())
	as(k, os.Getpid())
	f, err := k.Open("demo/dev/GREETING", syscall.O_WRONLY|syscall.O_TRUNC)
	require.NoError(t, err)
	require.NoError(t, fusetest.WriteFile(k, "demo/dev/GREETING", "later"))
	require.NoError(t, f.Close())
	w.requireValue(t, dev, "GREETING", "later")
	require.Empty(t, w.rejectedTexts())
}

func TestReleasedHandlesLeaveNothing(t *testing.T) {
	bothWaysWriting(t, func(t *testing.T, w *world, v fusetest.View) {
		require.NoError(t, fusetest.WriteFile(v, "demo/dev/GREETING", strings.Repeat("x", 1000)))
		require.Eventually(t, func() bool { return w.Counts().Open == 0 && !w.drafts.beingWritten(dev, "GREETING") }, time.Minute, time.Millisecond)
	})
}
