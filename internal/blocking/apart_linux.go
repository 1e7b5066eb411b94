package blocking

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Apart runs look, which may wait for an answer from a mount that this process
// serves, in such a way that the process can be killed
// meanwhile. A thread that waits for an answer cannot be killed before the
// connection ends, the connection ends when nobody has its descriptor of /dev/fuse any
// more, and all threads share their descriptors: a killed process would wait for
// itself for ever. So this thread has a table of its own, without any of
// /dev/fuse but those to keep. Those of other mounts of this process are left out too: two
// threads, each with the other's, would wait for one another.
//
// What look opens is in that table only. Closing a file is a question too, which nothing
// can interrupt: to open one, nothing of the connection may be kept.
func Apart(look func() error, keep ...int) (err error) {
	OnThread(func() {
		if err = unix.Unshare(unix.CLONE_FILES); err != nil {
			return
		}
		// The rest stays open here: the Go runtime wakes its poller through a
		// descriptor, from whatever thread.
		if err = closeDevices(keep); err == nil {
			err = look()
		}
	})
	return err
}

// closeDevices closes each descriptor of /dev/fuse that the calling thread has, but
// those to keep.
func closeDevices(keep []int) error {
	size, err := tableSize()
	if err != nil {
		return err
	}
	for fd := range size {
		// Answered from memory, also for a file in a mount that nobody serves.
		var st unix.Statx_t
		err := unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE, &st)
		if err == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev_major == deviceMajor && st.Rdev_minor == deviceMinor && !slices.Contains(keep, fd) {
			unix.Close(fd)
		}
	}
	return nil
}

// The numbers of /dev/fuse, the same on all machines.
const deviceMajor, deviceMinor = 10, 229

// tableSize is more than the highest descriptor of the calling thread. It is one read,
// where a list of what is open, with what each is, would take two calls for each.
func tableSize() (int, error) {
	const file = "/proc/thread-self/status"
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	buf := make([]byte, 4096)
	n, err := unix.Read(fd, buf)
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(buf[:n]), "\nFDSize:\t")
	line, _, found := strings.Cut(rest, "\n")
	size, err := strconv.Atoi(line)
	if !found || err != nil {
		return 0, errors.New(file + " does not tell how many descriptors there are")
	}
	return size, nil
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
