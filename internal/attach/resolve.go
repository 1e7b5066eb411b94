package attach

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"infisicalfs/internal/blocking"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
)

// maxLinks is how many symbolic links in a row are followed, as in the kernel.
const maxLinks = 40

// Resolve returns the absolute path without symbolic links under which the
// mount table would list mountpoint. The last element is not touched when it is
// a mountpoint already, since whoever serves it may be dead.
func Resolve(ctx context.Context, mounts mounttable.Table, mountpoint string) (string, error) {
	path, err := Absolute(mountpoint)
	if err != nil {
		return "", err
	}
	for range maxLinks {
		if path == "/" {
			return path, nil
		}
		parent, err := blocking.Within(ctx, func() (string, error) { return filepath.EvalSymlinks(filepath.Dir(path)) })
		if err != nil {
			return "", PathError(mountpoint, err)
		}
		path = filepath.Join(parent, filepath.Base(path))
		if mounts.At(path) != nil {
			return path, nil
		}
		info, err := blocking.Within(ctx, func() (fs.FileInfo, error) { return os.Lstat(path) })
		if err != nil {
			return "", PathError(mountpoint, err)
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			return path, nil
		}
		target, err := os.Readlink(path)
		if err != nil {
			return "", PathError(mountpoint, err)
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(parent, target)
		}
		path = filepath.Clean(target)
	}
	return "", PathError(mountpoint, syscall.ELOOP)
}

// Absolute fails only when the working directory is gone.
func Absolute(mountpoint string) (string, error) {
	path, err := filepath.Abs(mountpoint)
	if err != nil {
		return "", exitcode.Errorf(exitcode.Mountpoint, "give an absolute path", "mountpoint %s: %w", mountpoint, err)
	}
	return path, nil
}

// PathError says in a user's words why a mountpoint cannot be looked at.
func PathError(mountpoint string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return exitcode.Errorf(exitcode.Mountpoint, "mkdir -p "+mountpoint, "mountpoint %s does not exist", mountpoint)
	case errors.Is(err, syscall.ENOTDIR):
		return exitcode.Errorf(exitcode.Mountpoint, "name a directory", "mountpoint %s is not a directory", mountpoint)
	case errors.Is(err, fs.ErrPermission):
		return exitcode.Errorf(exitcode.Mountpoint, "choose a directory that you may enter", "mountpoint %s: permission denied", mountpoint)
	case errors.Is(err, syscall.ENOTCONN):
		return exitcode.Errorf(exitcode.Mountpoint, "findmnt shows it; unmount it with umount -l or fusermount3 -uz",
			"mountpoint %s lies in a mount whose server is gone", mountpoint)
	case errors.Is(err, context.DeadlineExceeded):
		return exitcode.Errorf(exitcode.Mountpoint, "findmnt shows what is mounted there", "mountpoint %s: its file system does not answer", mountpoint)
	}
	return exitcode.Errorf(exitcode.Mountpoint, "", "mountpoint %s: %w", mountpoint, err)
}
