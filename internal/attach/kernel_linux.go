package attach

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Kernel is the running kernel's release, "6.18.5-cloud", and what mounts lack on it.
func Kernel() (release string, lacking []string) {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "of an unknown release", nil
	}
	release = unix.ByteSliceToString(u.Release[:])
	var major, minor int
	if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n < 2 {
		return release, nil
	}
	return release, Lacking(major, minor)
}
