package daemon

import (
	"path"
	"strconv"

	"golang.org/x/sys/unix"
)

// Descriptors returns the numbers among paths of the form /dev/fd/N or
// /proc/self/fd/N: the background process needs them too. One that is not open
// is left out; whoever reads it will say so.
func Descriptors(paths ...string) []int {
	var list []int
	for _, p := range paths {
		dir, base := path.Split(p)
		if dir != "/dev/fd/" && dir != "/proc/self/fd/" {
			continue
		}
		if fd, err := strconv.Atoi(base); err == nil && isOpen(fd) {
			list = append(list, fd)
		}
	}
	return list
}

func isOpen(fd int) bool {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil
}
