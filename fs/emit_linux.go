package fs

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"infisicalfs/fs/internal/generation"
)

func threadID() uint32 { return uint32(unix.Gettid()) }

// call makes the system calls that fit the change, below the mount's root. They
// must be the plain ones: package os would have the Go runtime wait for
// descriptors that exist in this thread's table only.
//
// What is mounted inside of the mount is left alone (RESOLVE_NO_XDEV, Linux
// 5.6): a name there is somebody else's file.
func (p *event) call(root int) syscall.Errno {
	dir, err := unix.Openat2(root, p.path(), how(unix.O_PATH|unix.O_DIRECTORY))
	if err != nil {
		return errnoFrom(err)
	}
	defer unix.Close(dir)
	switch {
	case p.inDirectory() && p.datesOnly:
		err = touch(dir, p.wayDate())
	case p.kind == appeared && p.folder:
		err = unix.Mkdirat(dir, p.shown, p.attr.Mode)
	case p.kind == swapped: // IN_CREATE, IN_MOVED_FROM, IN_MOVED_TO
		p.linked.Store(false)
		if err = unix.Symlinkat(p.link, dir, newDataName); err == nil {
			err = unix.Renameat(dir, newDataName, dir, generation.Data)
		}
	case p.kind == appeared && p.link != "": // IN_CREATE
		err = unix.Symlinkat(p.link, dir, p.shown)
	case p.kind == appeared: // IN_CREATE, IN_OPEN, IN_CLOSE_WRITE
		flags := how(unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL)
		flags.Mode = uint64(p.attr.Mode)
		err = openAndClose(dir, p.shown, flags)
	case p.kind == vanished && p.folder:
		err = unix.Unlinkat(dir, p.shown, unix.AT_REMOVEDIR)
	case p.kind == vanished:
		err = unix.Unlinkat(dir, p.shown, 0)
	default:
		err = p.callFile(dir)
	}
	return errnoFrom(err)
}

// callFile is for a file that stays.
func (p *event) callFile(dir int) error {
	fd, err := unix.Openat2(dir, p.shown, how(unix.O_PATH))
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	date := unix.Timespec{Sec: int64(p.attr.Mtime), Nsec: int64(p.attr.Mtimensec)}
	if p.kind == changed { // IN_MODIFY
		if err := setDates(fd, unix.Timespec{Nsec: unix.UTIME_OMIT}, date); err != nil {
			return err
		}
	}
	if err := setDates(fd, date, date); err != nil { // IN_ATTRIB
		return err
	}
	if p.kind != changed || p.datesOnly {
		return nil
	}
	return openAndClose(dir, p.shown, how(unix.O_WRONLY)) // IN_OPEN, IN_CLOSE_WRITE
}

// path leads from the root to the directory.
func (p *event) path() string {
	names := []string{"."}
	for _, next := range p.way[1:] {
		names = append(names, next.name)
	}
	return strings.Join(names, "/")
}

// wayDate is the date that the thread sees of a directory.
func (p *event) wayDate() unix.Timespec {
	return unix.NsecToTimespec(p.parent().fs.cfg.MountTime.UnixNano())
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
