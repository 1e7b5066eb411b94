package blocking

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// Apart runs look, which waits for an answer from the mount that this process
// serves, in such a way that the process can be killed
// meanwhile. A thread that waits for an answer cannot be killed before the
// connection ends, the connection ends when nobody has the descriptor any more,
// and all threads share their descriptors: a killed process would wait for
// itself for ever. So this thread has a table of its own, without these. What it
// opens is in that table only. Closing a file is a question too, which nothing
// can interrupt: to open one, all descriptors of the connection have to be left
// out.
func Apart(without []int, look func() error) (err error) {
	OnThread(func() {
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

// OwnDescriptors gives the calling thread a descriptor table of its own, with
// nothing in it but what the Go runtime needs on any thread: its poller.
// Everything else would be kept open after the process has closed it. 0, 1 and 2
// lead nowhere.
func OwnDescriptors() error {
	if err := unix.Unshare(unix.CLONE_FILES); err != nil {
		return err
	}
	fds, err := Descriptors()
	if err != nil {
		return err
	}
	for fd, target := range fds {
		if target != "anon_inode:[eventpoll]" && target != "anon_inode:[eventfd]" {
			unix.Close(fd)
		}
	}
	for {
		null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		if null > 2 {
			return unix.Close(null)
		}
	}
}

// Descriptors returns what the calling thread has open. It uses no package
// that would have the Go runtime remember the descriptors that it needs.
func Descriptors() (map[int]string, error) {
	const list = "/proc/thread-self/fd"
	dir, err := unix.Open(list, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	fds := make(map[int]string)
	buf, target := make([]byte, 4096), make([]byte, 256)
	for {
		n, err := unix.ReadDirent(dir, buf)
		if n <= 0 || err != nil {
			return fds, err
		}
		_, _, names := unix.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			fd, err := strconv.Atoi(name)
			if err != nil || fd == dir {
				continue
			}
			if n, err := unix.Readlink(list+"/"+name, target); err == nil {
				fds[fd] = string(target[:n])
			}
		}
	}
}
