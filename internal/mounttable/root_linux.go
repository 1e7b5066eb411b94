package mounttable

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// OpenRoot opens the root of the mount at point, if that is the one with the
// given device number.
func OpenRoot(point string, device int, flags uint) (int, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, point, flags|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("opening %s: %w", point, err)
	}
	var st unix.Statx_t
	if err = unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_INO, &st); err == nil && int(st.Dev_minor) != device {
		err = ErrNotMounted
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
