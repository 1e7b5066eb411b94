package fs

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// openHandle opens GREETING to write it anew, and returns the handle as well.
func openHandle(t *testing.T, w *world, k *fusetest.Kernel) (fusetest.File, *writeHandle) {
	f, err := k.Open("demo/dev/GREETING", syscall.O_WRONLY|syscall.O_TRUNC)
	require.NoError(t, err)
	return f, w.drafts.of(dev, "GREETING")[0]
}

func writeAll(t *testing.T, f fusetest.File, text string) {
	_, err := f.WriteAt([]byte(text), 0)
	require.NoError(t, err)
}

// holdUpdates keeps updates back until the channel is closed, and says when the
// first has come.
func holdUpdates(w *world) (arrived, release chan struct{}) {
	arrived, release = make(chan struct{}, 10), make(chan struct{})
	w.BeforeWrites(func(r secrettest.Request) {
		if r.Kind == secrettest.KindUpdate {
			arrived <- struct{}{}
			<-release
		}
	})
	return arrived, release
}

// While a close of a copy sends, another thread writes more and its fsync is
// interrupted. It tries again, as Python does by itself, and closes: neither may
// say 0 because of the text before.
func TestFsyncIsRetriedAfterAnInterruption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, k := alone(t)
		f, h := openHandle(t, w, k)
		writeAll(t, f, "one")
		inUpdate, release := holdUpdates(w)
		first := make(chan syscall.Errno)
		go func() { first <- h.Flush(directHandle{}.context(0)) }()
		<-inUpdate
		writeAll(t, f, "two and more")
		require.Equal(t, syscall.EINTR, h.Fsync(directHandle{}.context(time.Second), 0))
		w.requireValue(t, dev, "GREETING", "hello, world")
		close(release)
		require.Zero(t, <-first)
		w.requireValue(t, dev, "GREETING", "one")
		require.Zero(t, h.Fsync(directHandle{}.context(0), 0))
		w.requireValue(t, dev, "GREETING", "two and more")
		require.NoError(t, f.Close())
		require.Empty(t, w.rejectedTexts(), "the server has it")
	})
}

// Of two threads that close copies of one descriptor, both hear what became of
// the text.
func TestASecondCloseWaitsForTheVerdict(t *testing.T) {
	for want, fault := range map[syscall.Errno]error{0: nil, syscall.EIO: secret.ErrUnavailable} {
		synctest.Test(t, func(t *testing.T) {
			w, k := alone(t)
			f, h := openHandle(t, w, k)
			writeAll(t, f, "new")
			w.FailWrites(secrettest.KindUpdate, fault)
			inUpdate, release := holdUpdates(w)
			closed := make(chan syscall.Errno, 2)
			for range 2 {
				go func() { closed <- h.Flush(directHandle{}.context(0)) }()
			}
			<-inUpdate
			synctest.Wait()
			require.Empty(t, closed, "nothing is known yet")
			close(release)
			require.Equal(t, want, <-closed)
			require.Equal(t, want, <-closed)
			require.Len(t, w.Writes(), 1)
			if want == 0 {
				require.NoError(t, f.Close())
			} else {
				require.Equal(t, want, f.Close())
				require.Equal(t, map[string]string{"GREETING.1": "new"}, w.rejectedTexts())
			}
		})
	}
}

// A failure of a text is not cleared by the success of an earlier one, nor does
// it stand in the way of a later one.
func TestVerdictsAreAboutTheirText(t *testing.T) {
	w, k := alone(t)
	f, _ := openHandle(t, w, k)
	writeAll(t, f, "one")
	w.FailWrites(secrettest.KindUpdate, secret.ErrUnavailable)
	require.Equal(t, syscall.EIO, f.Sync())
	require.Equal(t, map[string]string{"GREETING.1": "one"}, w.rejectedTexts())
	writeAll(t, f, "two")
	w.FailWrites(secrettest.KindUpdate, nil)
	require.NoError(t, f.Close())
	w.requireValue(t, dev, "GREETING", "two")
	require.False(t, w.rejected.Find("GREETING.1").Only, "its writer has written a newer text since, so it is an old value")
}

// An answer that was lost is no change by somebody else.
func TestALostAnswerIsNoConflict(t *testing.T) {
	w, k := alone(t)
	f, _ := openHandle(t, w, k)
	writeAll(t, f, "one")
	w.FailWritesLate(secrettest.KindUpdate, secret.ErrTimeout)
	require.Equal(t, syscall.ETIMEDOUT, f.Sync())
	w.FailWritesLate(secrettest.KindUpdate, nil)
	writeAll(t, f, "two")
	require.NoError(t, f.Close())
	w.requireValue(t, dev, "GREETING", "two")
}

// The kernel's way: the second close is one of a thread of the same process.
func TestTwoThreadsCloseOneFile(t *testing.T) {
	w := newWorld(writing)
	t.Cleanup(w.Close)
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	const script = `import os, sys, threading
fd = os.open(sys.argv[1], os.O_WRONLY|os.O_TRUNC)
copy = os.dup(fd)
os.write(fd, b"new text")
said = []
def close(d):
    try: os.close(d); said.append(0)
    except OSError as e: said.append(e.errno)
threads = [threading.Thread(target=close, args=(d,)) for d in (fd, copy)]
for t in threads: t.start()
for t in threads: t.join()
print(*said)`
	inUpdate, release := holdUpdates(w)
	w.FailWrites(secrettest.KindUpdate, secret.ErrUnavailable)
	go func() { <-inUpdate; close(release) }()
	out, err := exec.Command("python3", "-c", script, filepath.Join(mnt, "demo/dev/GREETING")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "5 5\n", string(out))
	w.requireValue(t, dev, "GREETING", "hello, world")
}

// A program that handles SIGINT hears of the interruption, tries again, and what
// it is told then is true.
func TestAnInterruptedProgramTriesAgain(t *testing.T) {
	w := newWorld(writing)
	t.Cleanup(w.Close)
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	const script = `import os, sys, signal, threading
signal.signal(signal.SIGINT, lambda *a: None)
fd = os.open(sys.argv[1], os.O_WRONLY|os.O_TRUNC)
os.write(fd, b"one")
copy = os.dup(fd)
t = threading.Thread(target=lambda: (signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}), os.close(copy)))
t.start()
sys.stdin.readline()
os.pwrite(fd, b"two and more", 0)
os.fsync(fd)
t.join()
os.close(fd)
print("acknowledged")`
	inUpdate, release := holdUpdates(w)
	cmd := exec.Command("python3", "-c", script, filepath.Join(mnt, "demo/dev/GREETING"))
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out := &safeBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(t, cmd.Start())
	<-inUpdate
	_, err = in.Write([]byte("\n"))
	require.NoError(t, err)
	interrupt := time.AfterFunc(300*time.Millisecond, func() { _ = cmd.Process.Signal(os.Interrupt) })
	defer interrupt.Stop()
	time.AfterFunc(time.Second, func() { close(release) })
	require.NoError(t, cmd.Wait(), "%s", out)
	require.Equal(t, "acknowledged\n", out.String())
	w.requireValue(t, dev, "GREETING", "two and more")
}
