package run

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/attach"
	"infisicalfs/internal/exitcode"
)

// Directories for mounts and data that every system has and that are empty on
// most: nobody misses one of them in the namespace.
var spare = []string{"/mnt", "/media", "/srv"}

// Place prepares the directory to mount on: dir, or if that is empty one of
// which nothing is seen outside of the namespace, or if there is none a
// temporary one. An empty file system comes over it first, so that the mounts of
// several runs on one directory have nothing in common. leave removes what was
// made.
func Place(dir string) (point string, leave func(), err error) {
	made := false
	if dir == "" {
		dir = firstEmpty(spare)
	}
	if dir == "" {
		if dir, err = os.MkdirTemp("", "infisicalfs-run-"); err != nil {
			return "", nil, unusable("a directory to mount on: %w", err)
		}
		made = true
	}
	if dir, err = filepath.Abs(dir); err != nil { // a keeper leaves the working directory
		return "", nil, unusable("%s: %w", dir, err)
	}
	leave = func() {
		unix.Unmount(dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		if made {
			os.Remove(dir)
		}
	}
	if err := cover(dir); err != nil {
		if made {
			os.Remove(dir)
		}
		return "", nil, err
	}
	return dir, leave, nil
}

// cover mounts an empty file system on dir.
func cover(dir string) error {
	if err := attach.Check(dir); err != nil {
		return err
	}
	if err := unix.Mount("infisicalfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0700,size=4k,nr_inodes=2"); err != nil {
		return unusable("mounting on %s: %w", dir, err)
	}
	return nil
}

func unusable(format string, args ...any) error {
	return &exitcode.Error{Err: fmt.Errorf(format, args...), Hint: "name a directory of your own with --mountpoint", Code: exitcode.Mountpoint}
}

// firstEmpty returns the first that is a directory with nothing in it, else "".
func firstEmpty(dirs []string) string {
	for _, dir := range dirs {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() {
			continue
		}
		if entries, err := os.ReadDir(dir); err == nil && len(entries) == 0 && attach.Check(dir) == nil {
			return dir
		}
	}
	return ""
}
