package caller

import "golang.org/x/sys/unix"

// uniqueNumber returns a number that no other process has had since boot: the
// inode of its pidfd. Before Linux 6.9 all have the same.
func uniqueNumber(pid int) uint64 {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return 0
	}
	return st.Ino
}
