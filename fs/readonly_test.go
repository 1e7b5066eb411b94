package fs

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/fusetest"
)

func TestEveryChangeIsRefused(t *testing.T) {
	var c controls
	bothWays(t, func(t *testing.T, w *world, v fusetest.View) {
		for name, change := range changes(v, "demo/dev/", "GREETING", "payments") {
			require.Equal(t, syscall.EROFS, change(), name)
		}
		for name, change := range changes(v, "", "demo/dev/GREETING", "demo") {
			require.Equal(t, syscall.EROFS, change(), "%s at the root", name)
		}
		for name, change := range changes(v, ".infisicalfs/", "status", "status") {
			if name != "rmdir" && name != "move dir" { // status is no directory
				require.Contains(t, refusals(), change(), "%s in .infisicalfs", name)
			}
		}
		text, err := fusetest.ReadFile(v, "demo/dev/GREETING")
		require.NoError(t, err)
		require.Equal(t, "hello, world", text)
	}, c.config)
}

// changes are all calls that change something, in the directory at.
func changes(v fusetest.View, at, file, dir string) map[string]func() error {
	open := func(flags int) func() error {
		return func() error { _, err := v.Open(at+file, flags); return err }
	}
	return map[string]func() error{
		"open to write":    open(syscall.O_WRONLY),
		"open for both":    open(syscall.O_RDWR),
		"open to append":   open(syscall.O_WRONLY | syscall.O_APPEND),
		"open to truncate": open(syscall.O_WRONLY | syscall.O_TRUNC),
		"truncate on read": open(syscall.O_RDONLY | syscall.O_TRUNC),
		"create":           func() error { return v.Create(at + "NEW") },
		"mkdir":            func() error { return v.Mkdir(at + "NEW") },
		"mknod":            func() error { return v.Mknod(at + "NEW") },
		"symlink":          func() error { return v.Symlink("target", at+"NEW") },
		"link":             func() error { return v.Link(at+file, at+"NEW") },
		"unlink":           func() error { return v.Unlink(at + file) },
		"rmdir":            func() error { return v.Rmdir(at + dir) },
		"rename":           func() error { return v.Rename(at+file, at+"NEW") },
		"move dir":         func() error { return v.Rename(at+dir, at+"NEW") },
		"truncate":         func() error { return v.Truncate(at+file, 0) },
		"grow":             func() error { return v.Truncate(at+file, 100) },
		"chmod":            func() error { return v.Chmod(at+file, 0o777) },
		"chmod dir":        func() error { return v.Chmod(at+dir, 0o777) },
		"chown":            func() error { return v.Chown(at+file, os.Getuid(), os.Getgid()) },
		"utimes":           func() error { return v.Utimes(at+file, time.Now()) },
		"setxattr":         func() error { return v.Setxattr(at+file, "user.infisical.comment", "x") },
		"setxattr dir":     func() error { return v.Setxattr(at+dir, "user.x", "x") },
		"removexattr":      func() error { return v.Removexattr(at+file, "user.infisical.key") },
	}
}

// Calls that only a real kernel can make.
func TestOtherChangesAreRefused(t *testing.T) {
	w := newWorld(func(c *Config) { c.FileMode, c.DirMode = 0o600, 0o700 })
	mnt := fusetest.Mounted(t, w.Root(), w.Options())
	dev := mnt + "/demo/dev"
	_, err := unix.Open(dev, unix.O_TMPFILE|unix.O_RDWR, 0o600)
	require.Equal(t, syscall.EROFS, err)
	require.Equal(t, syscall.EROFS, unix.Renameat2(unix.AT_FDCWD, dev+"/GREETING", unix.AT_FDCWD, dev+"/NEW", unix.RENAME_NOREPLACE))
	require.Equal(t, syscall.EROFS, unix.Renameat2(unix.AT_FDCWD, dev+"/GREETING", unix.AT_FDCWD, dev+"/EMPTY", unix.RENAME_EXCHANGE))
	_, err = unix.Open(dev+"/NEW", unix.O_CREAT|unix.O_RDWR, 0o600)
	require.Equal(t, syscall.EROFS, err)
	require.Equal(t, syscall.EROFS, unix.Mknod(dev+"/NEW", unix.S_IFREG|0o600, 0))

	fd, err := unix.Open(dev+"/GREETING", unix.O_RDONLY|unix.O_CREAT|unix.O_CLOEXEC, 0)
	require.NoError(t, err, "nothing has to be created")
	defer unix.Close(fd)
	require.NoError(t, unix.Fsync(fd))
	end, err := unix.Seek(fd, 0, unix.SEEK_END)
	require.NoError(t, err)
	require.EqualValues(t, len("hello, world"), end)
	hole, err := unix.Seek(fd, 3, unix.SEEK_HOLE)
	require.NoError(t, err)
	require.EqualValues(t, len("hello, world"), hole)
	data, err := unix.Seek(fd, 3, unix.SEEK_DATA)
	require.NoError(t, err)
	require.EqualValues(t, 3, data)
	_, err = unix.Seek(fd, 100, unix.SEEK_DATA)
	require.Equal(t, syscall.ENXIO, err)
	_, err = unix.Pread(fd, make([]byte, 12), 0) // or this process would wait for itself in a page fault
	require.NoError(t, err)
	mapped, err := unix.Mmap(fd, 0, 12, unix.PROT_READ, unix.MAP_SHARED)
	require.NoError(t, err)
	require.Equal(t, "hello, world", string(mapped))
	require.NoError(t, unix.Munmap(mapped))
}
