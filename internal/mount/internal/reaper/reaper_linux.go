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
	"time"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/attach"
)

// mark is the environment variable that makes a process a reaper: whose, and of which
// connection.
const mark = "_INFISICALFS_REAPER"

// What a reaper is given.
const (
	lifeFD   = 3 + iota // locked by the other process as long as it lives
	deviceFD            // of the connection
	parentFD            // a pidfd of the other process
)

// How long the other process may take to end after it was killed: until it is looked at, until what others
// wait for is answered too, and until the connection is given up.
const (
	patience   = 100 * time.Millisecond
	hardAfter  = time.Second
	abortAfter = 5 * time.Second
)

// Reaper is the other process. Its methods may be called of a nil one, which is none.
type Reaper struct {
	cmd  *exec.Cmd
	life *os.File
}

// Start begins to wait for the death of this process, which serves a connection of that
// number with device. The descriptor stays the caller's.
func Start(device, connection int) (*Reaper, error) {
	r, err := start(device, connection)
	if err != nil {
		return nil, fmt.Errorf("starting a process to watch this one: %w", err)
	}
	return r, nil
}

func start(device, connection int) (*Reaper, error) {
	life, err := lifeline()
	if err != nil {
		return nil, err
	}
	given := []*os.File{life}
	for _, open := range []func() (int, error){
		func() (int, error) { return unix.FcntlInt(uintptr(device), unix.F_DUPFD_CLOEXEC, 3) },
		func() (int, error) { return unix.PidfdOpen(os.Getpid(), 0) },
	} {
		fd, err := open()
		if err != nil {
			life.Close()
			return nil, err
		}
		f := os.NewFile(uintptr(fd), "of a mount")
		defer f.Close()
		given = append(given, f)
	}
	cmd := exec.Command("/proc/self/exe")                                 // which need not be what is installed by now
	cmd.Args = []string{os.Args[0], "watches", strconv.Itoa(os.Getpid())} // for people who list processes
	cmd.ExtraFiles = given
	// What this process has in its environment is none of the other's business. With the race
	// detector in it a program sleeps at its end, for which a service manager would wait.
	cmd.Env = []string{fmt.Sprintf("%s=%d %d", mark, os.Getpid(), connection), "GOMAXPROCS=1", "GORACE=atexit_sleep_ms=0"}
	begun, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		life.Close()
		return nil, err
	}
	r := &Reaper{cmd, life}
	// Or it might begin, with a descriptor of the connection, when this process has ended.
	if err := await(begun.(*os.File)); err != nil {
		r.Stop()
		return nil, fmt.Errorf("it does not begin: %w", err)
	}
	return r, nil
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

// Stop ends the other process. It knows of nothing that it could leave behind.
func (r *Reaper) Stop() {
	if r == nil {
		return
	}
	_ = r.cmd.Process.Kill() // it may have ended
	_ = r.cmd.Wait()
	r.life.Close()
}

// Entered reports whether this process is a reaper. Then it has done its work, and is to end.
func Entered() bool {
	var w watch
	if _, err := fmt.Sscanf(os.Getenv(mark), "%d %d", &w.pid, &w.connection); err != nil {
		return false
	}
	// What it can read are requests, and in those what others write.
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	signal.Ignore(unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT) // they are sent to the other one, and to its whole unit
	w.device, w.process = deviceFD, parentFD
	if _, err := os.Stdout.Write([]byte("\n")); err != nil {
		return true
	}
	os.Stdout.Close()
	if err := w.untilDead(lifeFD); err == nil {
		w.reap()
	}
	unix.Close(w.device) // before all else: it keeps the connection
	return true
}

// watch is what a reaper has to do with.
type watch struct {
	pid, connection int
	process, device int             // descriptors
	told            map[uint32]bool // threads that have to ask again
}

// untilDead returns when the other process is dead, ended or not.
func (w watch) untilDead(life int) error {
	for {
		err := unix.FcntlFlock(uintptr(life), unix.F_SETLKW, &unix.Flock_t{Type: unix.F_WRLCK})
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// reap answers for a process that is dead until it ends.
func (w watch) reap() {
	w.told = make(map[uint32]bool)
	began, buf := time.Now(), make([]byte, attach.MaxMessage+4096)
	for !w.ended(patience) && w.dying() {
		since := time.Since(began)
		if since > abortAfter || w.pass(buf, since > hardAfter) != nil {
			_ = attach.Abort(w.connection) // there is nobody to tell, and nothing else to do
			return
		}
	}
}

// ended reports whether the process has ended, within a time.
func (w watch) ended(within time.Duration) bool {
	return ready(w.process, within)
}

// dying reports whether the process was killed, so that nothing can be mistaken for its end:
// two processes must never read requests.
func (w watch) dying() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.pid))
	if err != nil {
		return false
	}
	// The name is in brackets, and may have some itself.
	_, rest, _ := strings.Cut(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " ")
	return strings.HasPrefix(rest, "Z")
}

// pass looks at all requests that were read or wait to be. The error is one of a kernel
// that cannot ask again what was read, or of a connection that has ended.
func (w watch) pass(buf []byte, hard bool) error {
	if err := resend(w.device); err != nil {
		return err
	}
	for ready(w.device, 0) {
		n, err := unix.Read(w.device, buf)
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
		_, _ = unix.Write(w.device, r.answer(why)) // it may have been given up meanwhile
	}
	clear(buf)
	return nil
}

// own reports whether a thread is the dead process's.
func (w watch) own(thread uint32) bool {
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
