package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/exitcode"
)

// backgroundMark is the environment variable that tells a process that it was
// started by Daemonize; its value is the number of the descriptor that leads
// back.
const backgroundMark = "_INFISICALFS_BACKGROUND"

// surrender is how long a child that was told to end may take to clean up.
const surrender = 10 * time.Second

// report is what the child says, once, before it goes its own way or ends.
type report struct {
	Ready bool
	Error string
	Hint  string
	Code  int
}

// Daemonize starts this program again with the same arguments, environment,
// working directory and standard streams, and returns when the child's
// [Background] has said how the start went: nil after Ready, the *exitcode.Error after
// Failed. A child that ends without a word is an error too. Go cannot fork, so
// starting again is the only way into the background.
//
// keep are descriptors that the arguments mention, such as one a token is to be
// read from; the child has them under the same numbers, and nobody may have
// read from them before. Other inherited descriptors are not passed on.
//
// Daemonize prints nothing. When ctx ends first, the child is told to end
// (SIGTERM), waited for, and the context's error returned.
func Daemonize(ctx context.Context, keep ...int) error {
	near, far, err := socketPair()
	if err != nil {
		return fmt.Errorf("starting in the background: %w", err)
	}
	defer near.Close()
	child, err := startAgain(far, keep)
	far.Close()
	if err != nil {
		return fmt.Errorf("starting in the background: %w", err)
	}

	said := make(chan *report, 1)
	go func() { said <- listen(near) }()
	select {
	case r := <-said:
		if r != nil && r.Ready {
			return child.Process.Release()
		}
		return failure(r, finish(child))
	case <-ctx.Done():
		child.Process.Signal(unix.SIGTERM)
		finish(child)
		return fmt.Errorf("starting in the background: %w", ctx.Err())
	}
}

// startAgain runs the program in the process group that it is in: with ^C the
// terminal reaches both, and the child leaves only when it is ready. (A child of
// systemd's automount must not leave earlier at all: the kernel lets only that
// process group look at the mountpoint until something is mounted.)
func startAgain(far *os.File, keep []int) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	files, err := extraFiles(keep)
	if err != nil {
		return nil, err
	}
	defer closeAll(files)
	closeRestOnExec()
	cmd := exec.Command(program)
	cmd.Args = os.Args
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = append(slices.Clone(files), far)
	cmd.Env = append(os.Environ(), backgroundMark+"="+strconv.Itoa(3+len(files)))
	return cmd, cmd.Start()
}

// extraFiles returns duplicates of keep in the places that give them their own
// numbers in a child, with nil for the numbers between, which stay closed.
func extraFiles(keep []int) ([]*os.File, error) {
	var files []*os.File
	for _, fd := range keep {
		if fd < 3 {
			continue // the standard streams go along anyway
		}
		duplicate, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			closeAll(files)
			return nil, fmt.Errorf("descriptor %d: %w", fd, err)
		}
		for len(files) <= fd-3 {
			files = append(files, nil)
		}
		files[fd-3].Close() // named twice; a nil File only says so
		files[fd-3] = os.NewFile(uintptr(duplicate), fmt.Sprintf("descriptor %d", fd))
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// listen returns the child's report, nil if there is none.
func listen(near io.Reader) *report {
	var r report
	if err := json.NewDecoder(near).Decode(&r); err != nil {
		return nil
	}
	return &r
}

// finish waits for a child that is ending, with force if it does not.
func finish(child *exec.Cmd) *os.ProcessState {
	kill := time.AfterFunc(surrender, func() { child.Process.Kill() })
	defer kill.Stop()
	child.Wait()
	return child.ProcessState
}

// failure turns what is known of a failed start into an *exitcode.Error.
func failure(r *report, state *os.ProcessState) error {
	if r == nil {
		return &exitcode.Error{
			Err:  fmt.Errorf("the process in the background ended without a word (%v)", state),
			Hint: "run it with --foreground to see why",
			Code: exitcode.Other,
		}
	}
	return &exitcode.Error{Err: errors.New(r.Error), Hint: r.Hint, Code: r.Code}
}
