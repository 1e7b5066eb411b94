package mount

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// claim makes sure that of several processes that mount on point at the same
// time one does and the others are told. The lock is on the directory that is
// going to be hidden, and is held from before the last look at the mount table
// until the mount is in it.
func claim(point string) (release func(), err error) {
	dir, err := os.OpenFile(point, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, pathError(point, err)
	}
	release = func() { dir.Close() }
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		release()
		return nil, badMountpoint("", "another process is mounting on %s", point)
	}
	mounts, err := readTable()
	if err == nil && ours(mounts.at(point)) {
		err = badMountpoint("infisicalfs unmount "+point, "%s is mounted already", point)
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}
