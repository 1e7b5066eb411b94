package fusetest

import (
	"syscall"
	"time"
)

// View is a file system as a program sees it. Paths are relative to its root,
// which is "". Every error is a [syscall.Errno]. It is safe for concurrent use.
type View interface {
	Stat(path string) (Attr, error)
	ReadDir(path string) ([]Entry, error) // without "." and ".."
	Open(path string, flags int) (File, error)
	Getxattr(path, name string) (string, error)
	Listxattr(path string) ([]string, error)

	Create(path string) error // must not exist; the file is closed again
	// CreateFile opens with O_CREAT besides flags.
	CreateFile(path string, flags int, mode uint32) (File, error)
	Mkdir(path string) error
	Mknod(path string) error // a named pipe
	Symlink(target, path string) error
	Link(from, to string) error
	Unlink(path string) error
	Rmdir(path string) error
	Rename(from, to string) error
	Truncate(path string, size int64) error
	Chmod(path string, mode uint32) error
	Chown(path string, uid, gid int) error
	Utimes(path string, t time.Time) error
	Setxattr(path, name, value string) error
	Removexattr(path, name string) error
}

// File is an open file.
type File interface {
	ReadAt(p []byte, off int64) (int, error) // 0 and nil at the end
	WriteAt(p []byte, off int64) (int, error)
	Stat() (Attr, error)
	Sync() error
	Truncate(size int64) error
	Close() error
}

// Attr is the result of stat(2).
type Attr struct {
	Ino, Size           uint64
	Mode                uint32 // with the type
	Nlink               uint32
	UID, GID            uint32
	Atime, Mtime, Ctime time.Time
}

// IsDir reports whether the attributes are those of a directory.
func (a Attr) IsDir() bool { return a.Mode&syscall.S_IFMT == syscall.S_IFDIR }

// Entry is an entry of a directory.
type Entry struct {
	Name  string
	Ino   uint64
	IsDir bool
}

// ReadFile returns the content of a file, read in pieces of 4 KiB.
func ReadFile(v View, path string) (string, error) {
	f, err := v.Open(path, syscall.O_RDONLY)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return ReadAll(f)
}

// ReadAll returns the content of an open file from its beginning.
func ReadAll(f File) (string, error) {
	var content []byte
	piece := make([]byte, 4096)
	for {
		n, err := f.ReadAt(piece, int64(len(content)))
		if err != nil || n == 0 {
			return string(content), err
		}
		content = append(content, piece[:n]...)
	}
}

// WriteFile makes content the whole of a file, as os.WriteFile does. Of the
// errors the first counts, and that of closing counts.
func WriteFile(v View, path, content string) error {
	f, err := v.CreateFile(path, syscall.O_WRONLY|syscall.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	for off := 0; off < len(content) && err == nil; {
		var n int
		n, err = f.WriteAt([]byte(content[off:]), int64(off))
		off += n
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}

// Names returns the names in a directory, in the order of the listing.
func Names(v View, path string) ([]string, error) {
	entries, err := v.ReadDir(path)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
	}
	return names, err
}
