package attach

import (
	"errors"

	"golang.org/x/sys/unix"
)

// pollProbe is a name that go-fuse answers itself, without asking the tree.
const pollProbe = ".go-fuse-epoll-hack"

// errCovered means that a path leads to another mount than the one that was
// meant.
var errCovered = errors.New("something else is mounted on top of it")

// Getattr makes the kernel ask for the attributes of the root of the mount at
// point, whatever it remembers of them, and fails with errCovered if that is not
// the mount with the given connection. A mount whose server is gone answers
// ENOTCONN. No request of ours to Infisical comes of it.
func Getattr(point string, connection int) error {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, point, unix.AT_STATX_FORCE_SYNC, unix.STATX_BASIC_STATS, &st); err != nil {
		return err
	}
	if int(st.Dev_minor) != connection {
		return errCovered
	}
	return nil
}

// SettlePoll makes the kernel ask for a poll, which go-fuse answers with "not
// supported" once and for all. Without that a Go program that opens a file of
// its own mount, with one processor, would block in epoll_ctl with nobody left
// to answer it. go-fuse does this by itself only for mounts that it made.
func SettlePoll(point string) error {
	fd, err := unix.Open(point+"/"+pollProbe, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil // no right to enter one's own mount, with --uid of somebody else
	}
	defer unix.Close(fd)
	_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	return err
}
