package emit

import (
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func threadID() uint32 { return uint32(unix.Gettid()) }

// call makes the system calls that fit the change, below the mount's root. They
// must be the plain ones: package os would have the Go runtime wait for
// descriptors that exist in this thread's table only.
//
// What is mounted inside of the mount is left alone (RESOLVE_NO_XDEV, Linux
// 5.6): a name there is somebody else's file.
func (a *Attempt[D]) call(root int) syscall.Errno {
	dir, err := unix.Openat2(root, a.path(), how(unix.O_PATH|unix.O_DIRECTORY))
	if err != nil {
		return errnoFrom(err)
	}
	defer unix.Close(dir)
	switch {
	case a.Kind == Ended:
		err = a.touchFiles(dir)
	case a.inDirectory() && a.datesOnly:
		err = touch(dir, timespec(a.dirDate))
	case a.Kind == Appeared && a.Folder:
		err = unix.Mkdirat(dir, a.Shown, a.Mode)
	case a.Kind == Swapped: // IN_CREATE, IN_MOVED_FROM, IN_MOVED_TO
		if err = unix.Symlinkat(a.Link, dir, a.temporary()); err == nil {
			err = unix.Renameat(dir, a.temporary(), dir, a.Shown)
		}
	case a.Kind == Appeared && a.Link != "": // IN_CREATE
		err = unix.Symlinkat(a.Link, dir, a.Shown)
	case a.Kind == Appeared: // IN_CREATE, IN_OPEN, IN_CLOSE_WRITE
		flags := how(unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL)
		flags.Mode = uint64(a.Mode)
		err = openAndClose(dir, a.Shown, flags)
	case a.Kind == Vanished && a.Folder:
		err = unix.Unlinkat(dir, a.Shown, unix.AT_REMOVEDIR)
	case a.Kind == Vanished:
		err = unix.Unlinkat(dir, a.Shown, 0)
	default:
		err = a.callFile(dir)
	}
	return errnoFrom(err)
}

// touchFiles is for a generation that has ended: IN_ATTRIB for each file. What the kernel has
// let go of meanwhile nobody watches.
func (a *Attempt[D]) touchFiles(dir int) error {
	generation, err := unix.Openat2(dir, a.Shown, how(unix.O_PATH|unix.O_DIRECTORY))
	if err != nil {
		return err
	}
	defer unix.Close(generation)
	for _, name := range a.Files {
		fd, err := unix.Openat2(generation, name, how(unix.O_PATH))
		if err == nil {
			err = touch(fd, timespec(a.Date))
			unix.Close(fd)
		}
		if err != nil && err != unix.ENOENT {
			return err
		}
	}
	return nil
}

// callFile is for a file that stays.
func (a *Attempt[D]) callFile(dir int) error {
	fd, err := unix.Openat2(dir, a.Shown, how(unix.O_PATH))
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	date := timespec(a.Date)
	if a.Kind == Changed { // IN_MODIFY
		if err := setDates(fd, unix.Timespec{Nsec: unix.UTIME_OMIT}, date); err != nil {
			return err
		}
	}
	if err := setDates(fd, date, date); err != nil { // IN_ATTRIB
		return err
	}
	if a.Kind != Changed || a.datesOnly {
		return nil
	}
	return openAndClose(dir, a.Shown, how(unix.O_WRONLY)) // IN_OPEN, IN_CLOSE_WRITE
}

// path leads from the root to the directory.
func (a *Attempt[D]) path() string {
	names := []string{"."}
	for _, next := range a.Way[1:] {
		names = append(names, next.Name)
	}
	return strings.Join(names, "/")
}

func how(flags uint64) *unix.OpenHow {
	return &unix.OpenHow{
		Flags:   flags | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_BENEATH,
	}
}

func openAndClose(dir int, name string, how *unix.OpenHow) error {
	fd, err := unix.Openat2(dir, name, how)
	if err != nil {
		return err
	}
	_ = unix.Close(fd) // it has been opened for this, and nothing was written
	return nil
}

func timespec(t time.Time) unix.Timespec {
	return unix.Timespec{Sec: t.Unix(), Nsec: int64(t.Nanosecond())}
}

// touch is IN_ATTRIB for a directory: something in it is different.
func touch(fd int, date unix.Timespec) error { return setDates(fd, date, date) }

// setDates of an O_PATH descriptor needs Linux 5.8.
func setDates(fd int, atime, mtime unix.Timespec) error {
	return unix.UtimesNanoAt(fd, "", []unix.Timespec{atime, mtime}, unix.AT_EMPTY_PATH)
}

func errnoFrom(err error) syscall.Errno {
	if errno, ok := err.(syscall.Errno); ok {
		return errno
	}
	return 0
}

// lookFor looks a name up in the mount's root, so that we are asked for it.
func lookFor(root int, name string) {
	var st unix.Stat_t
	_ = unix.Fstatat(root, name, &st, unix.AT_SYMLINK_NOFOLLOW) // it does not exist
}
