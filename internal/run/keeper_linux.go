package run

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// Keeper is the side of the process that serves the mount, and of the one that
// starts it.
type Keeper struct{ report, front int }

// Keeping returns the keeper's side, or nil in a process that a user started.
// Call it once.
func Keeping() *Keeper {
	mark := os.Getenv(keeperMark)
	os.Unsetenv(keeperMark)
	k := &Keeper{}
	if _, err := fmt.Sscanf(mark, "%d,%d", &k.report, &k.front); err != nil || k.report < 3 || k.front < 3 {
		return nil
	}
	return k
}

// Descriptors are what the process that starts the keeper has to hand on, under
// the same numbers.
func (k *Keeper) Descriptors() []int { return []int{k.report, k.front} }

// HandOn makes the next process of this program that is started a keeper too.
func (k *Keeper) HandOn() error {
	return os.Setenv(keeperMark, fmt.Sprintf("%d,%d", k.report, k.front))
}

// Tell reports to the front, once. From then on the signals with which people
// and service managers end a program are the command's to answer: it may need
// the mount until its end.
func (k *Keeper) Tell(r Report) error {
	signal.Ignore(syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTSTP)
	out := os.NewFile(uintptr(k.report), "report")
	r.PID = os.Getpid()
	_, err := out.WriteString(r.text())
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("whoever wanted the mount is gone: %w", err)
	}
	return nil
}

// CommandEnds returns when the process of the front, which the command has by
// then, has ended.
func (k *Keeper) CommandEnds() {
	watched := []unix.PollFd{{Fd: int32(k.front), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(watched, -1); !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
