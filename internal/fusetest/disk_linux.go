package fusetest

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Disk is the file system below a directory, through system calls. It keeps
// away from package os, whose poller has its own ideas about files.
type Disk string

func (d Disk) at(path string) string { return filepath.Join(string(d), path) }

// retry repeats a call that a signal interrupted, as the Go runtime sends some.
func retry[T any](call func() (T, error)) (T, error) {
	for {
		result, err := call()
		if err != syscall.EINTR {
			return result, err
		}
	}
}

func only(call func() error) error {
	_, err := retry(func() (struct{}, error) { return struct{}{}, call() })
	return err
}

func (d Disk) Stat(path string) (Attr, error) {
	var st unix.Stat_t
	err := only(func() error { return unix.Lstat(d.at(path), &st) })
	return attrOf(st), err
}

func attrOf(st unix.Stat_t) Attr {
	return Attr{
		Ino: st.Ino, Size: uint64(st.Size), Mode: st.Mode, Nlink: uint32(st.Nlink), UID: st.Uid, GID: st.Gid,
		Atime: time.Unix(st.Atim.Unix()), Mtime: time.Unix(st.Mtim.Unix()), Ctime: time.Unix(st.Ctim.Unix()),
	}
}

func (d Disk) ReadDir(path string) ([]Entry, error) {
	fd, err := retry(func() (int, error) {
		return unix.Open(d.at(path), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var entries []Entry
	buf := make([]byte, 16<<10)
	for {
		n, err := retry(func() (int, error) { return unix.ReadDirent(fd, buf) })
		if err != nil || n == 0 {
			return entries, err
		}
		entries = append(entries, parseDirents(buf[:n])...)
	}
}

// parseDirents reads what getdents64(2) returns.
func parseDirents(buf []byte) (entries []Entry) {
	const header = 19 // ino 8, off 8, reclen 2, type 1
	for len(buf) >= header {
		length := int(binary.NativeEndian.Uint16(buf[16:]))
		name, _, _ := bytes.Cut(buf[header:length], []byte{0})
		if s := string(name); s != "." && s != ".." {
			entries = append(entries, Entry{Name: s, Ino: binary.NativeEndian.Uint64(buf), IsDir: buf[18] == unix.DT_DIR})
		}
		buf = buf[length:]
	}
	return entries
}

func (d Disk) Open(path string, flags int) (File, error) {
	fd, err := retry(func() (int, error) { return unix.Open(d.at(path), flags|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, err
	}
	return diskFile(fd), nil
}

func (d Disk) Getxattr(path, name string) (string, error) {
	buf := make([]byte, 64<<10)
	n, err := retry(func() (int, error) { return unix.Lgetxattr(d.at(path), name, buf) })
	return string(buf[:max(0, n)]), err
}

func (d Disk) Listxattr(path string) ([]string, error) {
	buf := make([]byte, 64<<10)
	n, err := retry(func() (int, error) { return unix.Llistxattr(d.at(path), buf) })
	return splitNames(buf[:max(0, n)]), err
}

func (d Disk) Create(path string) error {
	f, err := d.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL)
	if err != nil {
		return err
	}
	return f.Close()
}

func (d Disk) CreateFile(path string, flags int, mode uint32) (File, error) {
	fd, err := retry(func() (int, error) { return unix.Open(d.at(path), flags|unix.O_CREAT|unix.O_CLOEXEC, mode) })
	if err != nil {
		return nil, err
	}
	return diskFile(fd), nil
}

func (d Disk) Mkdir(path string) error {
	return only(func() error { return unix.Mkdir(d.at(path), 0o700) })
}

func (d Disk) Mknod(path string) error {
	return only(func() error { return unix.Mknod(d.at(path), unix.S_IFIFO|0o600, 0) })
}

func (d Disk) Symlink(target, path string) error {
	return only(func() error { return unix.Symlink(target, d.at(path)) })
}

func (d Disk) Link(from, to string) error {
	return only(func() error { return unix.Link(d.at(from), d.at(to)) })
}

func (d Disk) Unlink(path string) error {
	return only(func() error { return unix.Unlink(d.at(path)) })
}

func (d Disk) Rmdir(path string) error {
	return only(func() error { return unix.Rmdir(d.at(path)) })
}

func (d Disk) Rename(from, to string) error {
	return only(func() error { return unix.Rename(d.at(from), d.at(to)) })
}

func (d Disk) Truncate(path string, size int64) error {
	return only(func() error { return unix.Truncate(d.at(path), size) })
}

func (d Disk) Chmod(path string, mode uint32) error {
	return only(func() error { return unix.Chmod(d.at(path), mode) })
}

func (d Disk) Chown(path string, uid, gid int) error {
	return only(func() error { return unix.Lchown(d.at(path), uid, gid) })
}

func (d Disk) Utimes(path string, t time.Time) error {
	ts := unix.NsecToTimespec(t.UnixNano())
	return only(func() error {
		return unix.UtimesNanoAt(unix.AT_FDCWD, d.at(path), []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
	})
}

func (d Disk) Setxattr(path, name, value string) error {
	return only(func() error { return unix.Lsetxattr(d.at(path), name, []byte(value), 0) })
}

func (d Disk) Removexattr(path, name string) error {
	return only(func() error { return unix.Lremovexattr(d.at(path), name) })
}

// diskFile is a file descriptor.
type diskFile int

func (f diskFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := retry(func() (int, error) { return unix.Pread(int(f), p, off) })
	return max(0, n), err
}

func (f diskFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := retry(func() (int, error) { return unix.Pwrite(int(f), p, off) })
	return max(0, n), err
}

func (f diskFile) Stat() (Attr, error) {
	var st unix.Stat_t
	err := only(func() error { return unix.Fstat(int(f), &st) })
	return attrOf(st), err
}

func (f diskFile) Sync() error {
	return only(func() error { return unix.Fsync(int(f)) })
}

func (f diskFile) Truncate(size int64) error {
	return only(func() error { return unix.Ftruncate(int(f), size) })
}

func (f diskFile) Close() error { return unix.Close(int(f)) }
