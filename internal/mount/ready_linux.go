package mount

import (
	"golang.org/x/sys/unix"
)

// pollProbe is a name that go-fuse answers itself, without asking the tree.
const pollProbe = ".go-fuse-epoll-hack"

// firstRequests makes the kernel ask twice: a statfs, which only a served mount
// answers, and a poll, which go-fuse answers with "not supported" once and for
// all. Without the latter a Go program that opens a file of its own mount, with
// one processor, would block in epoll_ctl with nobody left to answer it.
// go-fuse does this by itself only for mounts that it made.
func firstRequests(point string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(point, &st); err != nil {
		return err
	}
	fd, err := unix.Open(point+"/"+pollProbe, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil // no right to enter one's own mount, with --uid of somebody else
	}
	defer unix.Close(fd)
	_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	return err
}
