package run

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// The command is started by the first thread, the one whose end is the end of
// the process: that is what the keeper waits for, and an exec by another thread
// has looked like it to some kernels. An init function is where to get hold of
// it.
func init() { runtime.LockOSThread() }

// Front is the process that is going to be the command.
type Front struct{ Report }

// Start makes the namespace and starts this program again in it, with the same
// arguments, until that has reported by [Keeper.Tell]. Call it once, in the main
// goroutine. It fails with [ErrTold] if the user has been told why, and with an
// *exitcode.Error if the machine lacks something.
func Start() (*Front, error) {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} // if we are killed first, nobody wants the mount
	if os.Geteuid() == 0 {
		if err := unshareMounts(); err != nil {
			return nil, err
		}
	} else {
		if _, err := findEnter(); err != nil {
			return nil, err
		}
		ownUserNamespace(attr)
	}
	f := &Front{}
	return f, f.startKeeper(attr)
}

func (f *Front) startKeeper(attr *syscall.SysProcAttr) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	report, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer report.Close()
	defer out.Close()
	self, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return missing("use Linux 5.3 or newer", "the kernel cannot tell when a process ends: %w", err)
	}
	defer unix.Close(self)
	for _, fd := range []int{int(out.Fd()), self} { // these two are inherited
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
			return err
		}
	}
	cmd := exec.Command(program)
	cmd.Args = os.Args
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d,%d", keeperMark, out.Fd(), self))
	cmd.SysProcAttr = attr
	if err := cmd.Start(); err != nil {
		if attr.Cloneflags != 0 {
			return noUserNamespace(err)
		}
		return fmt.Errorf("starting the mount: %w", err)
	}
	out.Close()
	text, err := io.ReadAll(report)
	if ended := cmd.Wait(); ended != nil {
		err = ended
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return ErrTold
	}
	if err == nil {
		f.Report, err = parseReport(string(text))
	}
	if err != nil {
		return fmt.Errorf("starting the mount: %w", err)
	}
	return nil
}

// Exec becomes the command: the program at path with the arguments args, the
// first of which is its name, and the environment env. If it returns, it is with
// an error, which wraps the system's.
func (f *Front) Exec(path string, args, env []string) error {
	if os.Geteuid() == 0 {
		return execute(path, args, env)
	}
	return enter(f.PID, path, args, env)
}

// execute is execve(2), and the shell for a script that does not say who reads
// it, as execvp(3) has it.
func execute(path string, args, env []string) error {
	err := unix.Exec(path, args, env)
	if errors.Is(err, unix.ENOEXEC) {
		return unix.Exec("/bin/sh", append([]string{"sh", path}, args[1:]...), env)
	}
	return err
}
