package attach

import (
	"strconv"
	"strings"
)

// Descriptor returns the number N of a mountpoint that is written /dev/fd/N. It means
// no place in the file tree, but a descriptor of /dev/fuse that whoever has started
// this process has mounted somewhere: Apptainer, mount.fuse3 with drop_privileges, a
// sidecar.
func Descriptor(mountpoint string) (fd int, ok bool) {
	number, ok := strings.CutPrefix(mountpoint, "/dev/fd/")
	if !ok {
		return -1, false
	}
	fd, err := strconv.Atoi(number)
	return fd, err == nil && fd >= 0 && strconv.Itoa(fd) == number
}
