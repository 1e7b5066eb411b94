package mount

import (
	"errors"

	"golang.org/x/sys/unix"
)

// pollProbe is a name that go-fuse answers itself, without asking the tree.
const pollProbe = ".go-fuse-epoll-hack"

// errCovered means that a path leads to another mount than the one that was
// meant.
var errCovered = errors.New("something else is mounted on top of it")

// apart runs look, which waits for an answer from the mount that this process
// serves, in such a way that the process can be killed
// meanwhile. A thread that waits for an answer cannot be killed before the
// connection ends, the connection ends when nobody has the descriptor any more,
// and all threads share their descriptors: a killed process would wait for
// itself for ever. So this thread has a table of its own, without these. What it
// opens is in that table only. Closing a file is a question too, which nothing
// can interrupt: to open one, all descriptors of the connection have to be left
// out.
func apart(without []int, look func() error) (err error) {
	onThread(func() {
		if err = unix.Unshare(unix.CLONE_FILES); err != nil {
			return
		}
		// The rest stays open here: the Go runtime wakes its poller through a
		// descriptor, from whatever thread.
		for _, fd := range without {
			unix.Close(fd) // what is not open need not be closed
		}
		err = look()
	})
	return err
}

// getattr makes the kernel ask for the attributes of the root of the mount at
// point, whatever it remembers of them, and fails with errCovered if that is not
// the mount with the given connection. A mount whose server is gone answers
// ENOTCONN. No request of ours to Infisical comes of it.
func getattr(point string, connection int) error {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, point, unix.AT_STATX_FORCE_SYNC, unix.STATX_BASIC_STATS, &st); err != nil {
		return err
	}
	if int(st.Dev_minor) != connection {
		return errCovered
	}
	return nil
}

// settlePoll makes the kernel ask for a poll, which go-fuse answers with "not
// supported" once and for all. Without that a Go program that opens a file of
// its own mount, with one processor, would block in epoll_ctl with nobody left
// to answer it. go-fuse does this by itself only for mounts that it made.
func settlePoll(point string) error {
	fd, err := unix.Open(point+"/"+pollProbe, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil // no right to enter one's own mount, with --uid of somebody else
	}
	defer unix.Close(fd)
	_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	return err
}
