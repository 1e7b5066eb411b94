package reaper

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/attach"
)

// mark is the environment variable that makes a process a reaper: whose.
const mark = "_INFISICALFS_REAPER"

// What a reaper is given.
const (
	lifeFD   = 3 + iota // locked by the other process as long as it lives
	tellFD              // a socket from which it is told of connections
	parentFD            // a pidfd of the other process
)

// How long the other process may take to end after it was killed: until it is looked at, until what others
// wait for is answered too, and until the connections are given up.
const (
	patience   = 100 * time.Millisecond
	hardAfter  = time.Second
	abortAfter = 5 * time.Second
)

// reaper is the other process, as the one sees it that it waits for.
type reaper struct {
	cmd  *exec.Cmd
	life *os.File
	told int // a socket
}

// start begins to wait for the death of this process.
func start() (*reaper, error) {
	life, err := lifeline()
	if err != nil {
		return nil, err
	}
	r := &reaper{life: life, told: -1}
	if err := r.begin(); err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

func (r *reaper) begin() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	r.told = pair[0]
	given := []*os.File{r.life, os.NewFile(uintptr(pair[1]), "to be told")}
	defer given[1].Close()
	if err := unix.SetsockoptTimeval(r.told, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Sec: tellWithin}); err != nil {
		return err
	}
	self, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return err
	}
	given = append(given, os.NewFile(uintptr(self), "of this process"))
	defer given[2].Close()
	cmd := exec.Command("/proc/self/exe")                                 // which need not be what is installed by now
	cmd.Args = []string{os.Args[0], "watches", strconv.Itoa(os.Getpid())} // for people who list processes
	cmd.ExtraFiles = given
	// What this process has in its environment is none of the other's business. With the race
	// detector in it a program sleeps at its end, for which a service manager would wait.
	cmd.Env = []string{fmt.Sprintf("%s=%d", mark, os.Getpid()), "GOMAXPROCS=1", "GORACE=atexit_sleep_ms=0"}
	begun, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	r.cmd = cmd
	// Or it might begin, with descriptors of connections, when this process has ended.
	if err := await(begun.(*os.File)); err != nil {
		return fmt.Errorf("it does not begin: %w", err)
	}
	return nil
}

// stop ends the other process. It knows of nothing that it could leave behind.
func (r *reaper) stop() {
	if r.cmd != nil {
		_ = r.cmd.Process.Kill() // it may have ended
		_ = r.cmd.Wait()
	}
	if r.told >= 0 {
		unix.Close(r.told)
	}
	r.life.Close()
}

// beginWithin is how long the other process may take to begin.
const beginWithin = 10 * time.Second

func await(begun *os.File) error {
	if err := begun.SetReadDeadline(time.Now().Add(beginWithin)); err != nil {
		return err
	}
	_, err := begun.Read(make([]byte, 1))
	return err
}

// lifeline returns a file with a lock of this process. Such a lock belongs to the table of
// descriptors that the threads of a process share. It ends with the last of them, but for
// threads with a table of their own: and those are the ones that may wait for the mount.
func lifeline() (*os.File, error) {
	fd, err := unix.MemfdCreate("life", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	life := os.NewFile(uintptr(fd), "life")
	if err := unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		life.Close()
		return nil, err
	}
	return life, nil
}

// Entered reports whether this process is a reaper. Then it has done its work, and is to end.
func Entered() bool {
	w := watch{process: parentFD, kept: map[uint32]kept{}}
	if _, err := fmt.Sscan(os.Getenv(mark), &w.pid); err != nil {
		return false
	}
	// What it can read are requests, and in those what others write.
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	signal.Ignore(unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT) // they are sent to the other one, and to its whole unit
	if _, err := os.Stdout.Write([]byte("\n")); err != nil {
		return true
	}
	os.Stdout.Close()
	go w.hear(tellFD, 0)
	if err := untilDead(lifeFD); err == nil {
		w.hear(tellFD, unix.MSG_DONTWAIT) // what it has said last
		w.reap()
	}
	w.closeAll() // before all else: it keeps the connections
	return true
}

// watch is what a reaper has to do with.
type watch struct {
	pid     int
	process int             // a descriptor
	told    map[uint32]bool // threads that have to ask again

	mu   sync.Mutex // guards kept
	kept map[uint32]kept
}

// kept is a connection that is watched.
type kept struct{ device, connection int }

// untilDead returns when the other process is dead, ended or not.
func untilDead(life int) error {
	for {
		err := unix.FcntlFlock(uintptr(life), unix.F_SETLKW, &unix.Flock_t{Type: unix.F_WRLCK})
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// reap answers for a process that is dead until it ends.
func (w *watch) reap() {
	w.told = make(map[uint32]bool)
	began, buf := time.Now(), []byte(nil)
	for !w.ended(patience) && w.dying() {
		if buf == nil { // nearly always nothing is to be read
			buf = make([]byte, attach.MaxMessage+4096)
		}
		since := time.Since(began)
		for id, k := range w.all() {
			if since > abortAfter || w.pass(k.device, buf, since > hardAfter) != nil {
				_ = attach.Abort(k.connection) // there is nobody to tell, and nothing else to do
				w.drop(id)
			}
		}
	}
}

// ended reports whether the process has ended, within a time.
func (w *watch) ended(within time.Duration) bool {
	return ready(w.process, within)
}

// dying reports whether the process was killed, so that nothing can be mistaken for its end:
// two processes must never read requests.
func (w *watch) dying() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.pid))
	if err != nil {
		return false
	}
	// The name is in brackets, and may have some itself.
	_, rest, _ := strings.Cut(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " ")
	return strings.HasPrefix(rest, "Z")
}

// pass looks at all requests of a connection that were read or wait to be. The error is one of a kernel
// that cannot ask again what was read, or of a connection that has ended.
func (w *watch) pass(device int, buf []byte, hard bool) error {
	if err := resend(device); err != nil {
		return err
	}
	for ready(device, 0) {
		n, err := unix.Read(device, buf)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENOENT) { // or it was interrupted
			continue
		}
		if err != nil {
			return err
		}
		r, ok := parse(buf[:n])
		if !ok {
			continue
		}
		why := verdict(r, w.own(r.pid), w.told[r.pid], hard)
		if why == 0 {
			continue
		}
		w.told[r.pid] = w.told[r.pid] || why == unix.ESTALE
		_, _ = unix.Write(device, r.answer(why)) // it may have been given up meanwhile
	}
	clear(buf)
	return nil
}

// own reports whether a thread is the dead process's.
func (w *watch) own(thread uint32) bool {
	if thread == 0 {
		return false
	}
	_, err := os.Lstat(filepath.Join("/proc", strconv.Itoa(w.pid), "task", strconv.Itoa(int(thread))))
	return err == nil
}

// ready reports whether a descriptor can be read from, within a time.
func ready(fd int, within time.Duration) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, int(within.Milliseconds()))
		if !errors.Is(err, unix.EINTR) {
			return n > 0
		}
	}
}

// resend has the kernel ask again all that was read and not answered: FUSE_NOTIFY_RESEND,
// since Linux 6.9.
func resend(device int) error {
	const code, size = 7, 16
	message := binary.NativeEndian.AppendUint32(nil, size)
	message = binary.NativeEndian.AppendUint32(message, code)
	_, err := unix.Write(device, binary.NativeEndian.AppendUint64(message, 0))
	return err
}
