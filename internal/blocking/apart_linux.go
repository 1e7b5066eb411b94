package blocking

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

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
// What look opens is in that table only, and look may use no descriptor but those to keep and
// the three standard ones. Closing a file is a question too, which nothing
// can interrupt: to open one, nothing of the connection may be kept.
func Apart(look func() error, keep ...int) (err error) {
	OnThread(func() {
		if err = leaveAllBut(keep); err == nil {
			err = look()
		}
	})
	return err
}

// leaveAllBut gives the calling thread a descriptor table without any of /dev/fuse but
// those to keep. That takes no longer in a process with thousands of descriptors: only
// those up to the highest that stays are copied at all.
func leaveAllBut(keep []int) error {
	poller := pollerDescriptors()
	stay := slices.Concat([]int{0, 1, 2}, keep, poller)
	slices.Sort(stay)
	stay = slices.Compact(stay)
	if len(poller) == 0 || unix.CloseRange(uint(stay[len(stay)-1]+1), maxDescriptor, unix.CLOSE_RANGE_UNSHARE) != nil {
		return leaveDevices(keep)
	}
	for i, fd := range stay {
		if i > 0 && fd > stay[i-1]+1 {
			if err := unix.CloseRange(uint(stay[i-1]+1), uint(fd-1), 0); err != nil {
				return err
			}
		}
		closeDevice(fd, keep)
	}
	return nil
}

// leaveDevices is leaveAllBut where not more can be done: before Linux 5.9, with a filter of
// system calls, and as long as it is not known what the runtime's poller needs.
func leaveDevices(keep []int) error {
	if err := unix.Unshare(unix.CLONE_FILES); err != nil {
		return err
	}
	return closeDevices(keep)
}

const maxDescriptor = 1<<32 - 1

// poller is what pollerDescriptors has found.
var poller atomic.Pointer[[]int]

// pollerDescriptors returns those that the Go runtime wakes its poller through, from whatever
// thread, and that it never closes. There are none before it has made them. What else is of
// that kind is among them too.
func pollerDescriptors() []int {
	if known := poller.Load(); known != nil {
		return *known
	}
	fds, _ := Descriptors()
	var found []int
	kinds := map[string]bool{}
	for fd, target := range fds {
		if pollers[target] {
			found = append(found, fd)
			kinds[target] = true
		}
	}
	if len(kinds) < len(pollers) {
		return nil
	}
	poller.Store(&found)
	return found
}

// pollers is what the links of /proc say of such descriptors.
var pollers = map[string]bool{"anon_inode:[eventpoll]": true, "anon_inode:[eventfd]": true}

// closeDevices closes each descriptor of /dev/fuse that the calling thread has, but
// those to keep.
func closeDevices(keep []int) error {
	size, err := tableSize()
	if err != nil {
		return err
	}
	for fd := range size {
		closeDevice(fd, keep)
	}
	return nil
}

// closeDevice closes a descriptor if it is of /dev/fuse, and not to be kept.
func closeDevice(fd int, keep []int) {
	// Answered from memory, also for a file in a mount that nobody serves.
	var st unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE, &st)
	if err == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev_major == deviceMajor && st.Rdev_minor == deviceMinor && !slices.Contains(keep, fd) {
		unix.Close(fd)
	}
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
		if !pollers[target] {
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
