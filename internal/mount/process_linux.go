package mount

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/blocking"
)

// process is another process that may end. It is known by a descriptor, which
// stays its own when its number is given to another.
type process struct{ fd int }

// watchProcess fails if there is no such process, or if the kernel is too old.
func watchProcess(pid int) (*process, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	return &process{fd}, nil
}

func (p *process) close() { unix.Close(p.fd) }

// end waits for the end of the process for at most limit, and then kills it. When end
// returns the process executes nothing any more. It need not have ended: a thread of
// it may wait in the kernel for what its killer is about to do.
func (p *process) end(limit time.Duration) {
	if p.endsWithin(context.Background(), limit) {
		return
	}
	_ = unix.PidfdSendSignal(p.fd, unix.SIGKILL, nil, 0)
	p.endsWithin(context.Background(), limit)
}

// endsWithin waits for the end of the process for at most limit, and reports
// whether it came. One that its parent has not asked for yet has ended.
func (p *process) endsWithin(ctx context.Context, limit time.Duration) bool {
	ended, err := blocking.Bounded(ctx, limit, func() (bool, error) {
		fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
		for {
			n, err := unix.Poll(fds, int(limit.Milliseconds()))
			if err != unix.EINTR {
				return n > 0, err
			}
		}
	})
	return err == nil && ended
}
