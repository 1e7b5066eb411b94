package run

import (
	"encoding/json"
	"errors"
	"fmt"
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
// arguments, until that has reported by [Keeper.Tell]. Call it in the main
// goroutine of the process, which is in the namespace afterwards if it is
// root's. It fails with [ErrTold] if the keeper has said itself what went wrong,
// and with an *mount.Error that names what the machine lacks.
func Start() (*Front, error) {
	alone := os.Geteuid() != 0
	if alone {
		if _, err := findEnter(); err != nil {
			return nil, err
		}
	} else if err := unshareMounts(); err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	report, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer report.Close()
	defer out.Close()
	self, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return nil, tooOld(err)
	}
	defer unix.Close(self)
	for _, fd := range []int{int(out.Fd()), self} {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
			return nil, err
		}
	}

	cmd := exec.Command(program)
	cmd.Args = os.Args
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d,%d", keeperMark, out.Fd(), self))
	// If this process is killed before the command is there, nobody wants it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if alone {
		ownUserNamespace(cmd.SysProcAttr)
	}
	if err := cmd.Start(); err != nil {
		if alone {
			return nil, noUserNamespace(err)
		}
		return nil, err
	}
	out.Close()
	f := &Front{}
	unread := json.NewDecoder(report).Decode(&f.Report)
	if err := cmd.Wait(); err != nil || unread != nil {
		if _, said := errors.AsType[*exec.ExitError](err); said {
			return nil, ErrTold
		}
		return nil, errors.Join(err, unread)
	}
	return f, nil
}

// Exec becomes the command: name, which path says where to find, with args and
// the environment env. It returns only an error. One of the system wraps its
// number: the caller tells "not found" from "not executable".
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
