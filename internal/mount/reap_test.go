//go:build linux

package mount

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/attach"
	"infisicalfs/internal/mount/internal/notifier"
	"infisicalfs/internal/mount/internal/reaper"
	"infisicalfs/internal/mounttable"
	"infisicalfs/secret/secrettest"
)

// silent is a server that says what its root is, and after a while nothing any more.
type silent struct {
	fuse.RawFileSystem
	asked chan string
}

func (s silent) GetAttr(_ <-chan struct{}, _ *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	out.Mode = unix.S_IFDIR | 0o755
	return fuse.OK
}

func (s silent) Lookup(_ <-chan struct{}, _ *fuse.InHeader, name string, _ *fuse.EntryOut) fuse.Status {
	s.asked <- name
	select {}
}

// waitForOneselfKept serves a mount, has somebody keep its connection, and waits as
// WAITS says for an answer of its own.
func waitForOneselfKept() error {
	point := os.Getenv("POINTS")
	device, err := attach.Mount(context.Background(), point, mounttable.SourceName, false, PropagateRO)
	if err != nil {
		return err
	}
	number, err := connection(point)
	if err != nil {
		return err
	}
	s := silent{fuse.NewDefaultRawFileSystem(), make(chan string)}
	n := notifier.New(device)
	kept, err := unix.FcntlInt(uintptr(device), unix.F_DUPFD, 100) // the server closes its own
	if err != nil {
		return err
	}
	server, err := fuse.NewServer(n.Serve(s), fmt.Sprintf("/dev/fd/%d", device), &fuse.MountOptions{MaxWrite: attach.MaxMessage})
	if err != nil {
		return err
	}
	go server.Serve()
	if err := server.WaitMount(); err != nil {
		return err
	}
	if os.Getenv("REAPER") != "" {
		if _, err := reaper.Watch(kept, number); err != nil {
			return err
		}
	}
	fmt.Printf("kept %3d", kept)
	switch os.Getenv("WAITS") {
	case "for its own lookup":
		go attach.Probe(context.Background(), filepath.Join(point, "OWN"))
		// Both were read before the kill: the kernel fails a request with EIO when the reader is
		// killed just as it is given memory for it.
		for read := map[string]bool{}; len(read) < 2; {
			read[<-s.asked] = true
		}
	case "for others":
		<-s.asked
		go n.EntryNotify(fuse.FUSE_ROOT_ID, "OTHER")
	}
	fmt.Print("waiting")
	select {}
}

// keptFrom returns what process pid has as descriptor fd.
func keptFrom(t *testing.T, pid, fd int) int {
	t.Helper()
	process, err := unix.PidfdOpen(pid, 0)
	require.NoError(t, err)
	defer unix.Close(process)
	kept, err := unix.PidfdGetfd(process, fd, 0)
	require.NoError(t, err)
	return kept
}

// A process is killed while one of its threads waits for an answer of its own mount, and
// somebody else has the connection. It has to come to its end, or no other would be
// started; and who else uses the mount waits for that one.
func TestWhoWaitsForItselfEndsAlthoughTheConnectionIsKept(t *testing.T) {
	for _, waits := range []string{"for its own lookup", "for others"} {
		t.Run(waits, func(t *testing.T) {
			t.Parallel()
			h := newHosts(t, "wait for oneself, kept", 1, "WAITS="+waits, "REAPER=yes")
			h.says(t, "kept ")
			var fd int
			number := make([]byte, 3)
			_, err := io.ReadFull(h.out, number)
			require.NoError(t, err)
			_, err = fmt.Sscan(string(number), &fd)
			require.NoError(t, err)
			kept := keptFrom(t, h.cmd.Process.Pid, fd)
			asked := make(chan error, 1)
			go func() { // it waits for the next process, whatever happens
				_, err := os.Lstat(filepath.Join(h.points[0], "OTHER"))
				asked <- err
			}()
			h.says(t, "waiting")
			if waits == "for others" { // for the lock of a directory
				require.Eventually(t, func() bool { return h.waiting() > 0 }, 20*time.Second, 10*time.Millisecond)
			}

			require.NoError(t, h.cmd.Process.Kill())
			reaped := make(chan error, 1)
			go func() { reaped <- h.cmd.Wait() }()
			select {
			case <-reaped:
			case <-time.After(20 * time.Second):
				unix.Close(kept)
				<-reaped
				t.Fatal("the process does not end")
			}
			select {
			case err := <-asked:
				t.Fatal("somebody else was answered", err)
			default:
			}
			// The next process has the kernel ask again.
			require.ErrorIs(t, answeredAbsent(t, kept, asked), os.ErrNotExist)
			require.NoError(t, unix.Close(kept))
		})
	}
}

// waitForOwnLookup has a thread wait for an answer of m's own, which needs one of a server
// that says nothing any more.
func waitForOwnLookup(m *Mount, up *secrettest.Fake) {
	up.Hang(true)
	before := up.Calls().All()
	go attach.Probe(context.Background(), filepath.Join(m.point, "sub", "INSIDE"))
	for up.Calls().All() == before {
		time.Sleep(time.Millisecond)
	}
	fmt.Fprintln(os.Stderr, "waiting for itself")
}

// The unit's process is killed while it waits for itself. The next one is started all the
// same, and nobody who uses the mount fails.
func TestKilledWhileItWaitsForItself(t *testing.T) {
	u := newUnit(t)
	u.start("WAITS=yes")
	require.Eventually(t, func() bool { return strings.Contains(u.stderr.String(), "waiting for itself") }, 20*time.Second, 10*time.Millisecond)
	answer := make(chan error, 1)
	go func() { answer <- is("a value")(os.ReadFile(filepath.Join(u.point, "sub/INSIDE"))) }()
	u.kill()
	u.start()
	require.NoError(t, <-answer)
	u.is("hello, world")
	u.stop("stop")
	requireFree(t, u.point)
}

// answeredAbsent says to all who ask on a connection that there is no such thing, until asked
// has an error.
func answeredAbsent(t *testing.T, device int, asked <-chan error) error {
	t.Helper()
	buf := make([]byte, 1<<20)
	const resend, size = 7, 16
	ask := binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(nil, resend<<32|size), 0)
	_, err := unix.Write(device, ask)
	require.NoError(t, err)
	for {
		fds := []unix.PollFd{{Fd: int32(device), Events: unix.POLLIN}}
		if n, _ := unix.Poll(fds, 10); n > 0 {
			n, err := unix.Read(device, buf)
			require.NoError(t, err)
			require.Greater(t, n, 16)
			why := -int32(unix.ENOENT)
			answer := binary.NativeEndian.AppendUint64(nil, uint64(uint32(why))<<32|size)
			_, _ = unix.Write(device, append(answer, buf[8:16]...)) // some have none
		}
		select {
		case err := <-asked:
			return err
		default:
		}
	}
}
