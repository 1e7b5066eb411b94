package attach

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/blocking"
	"infisicalfs/internal/mounttable"
)

// Replaceable reports whether replace can do better at point than removing the
// dead mount first. Users cannot: fusermount3 mounts on nothing dead.
func Replaceable(point string) bool {
	if os.Geteuid() != 0 {
		return false
	}
	dir, err := below(point)
	if err != nil {
		return false // some user namespaces forbid it
	}
	dir.Close()
	return true
}

// openHidden opens the directory that a mount on p is going to hide.
func openHidden(p Place) (*os.File, error) {
	if p.Stale {
		return below(p.Point)
	}
	return os.OpenFile(p.Point, os.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

// Replace mounts, with mount, where a dead mount is. The new one comes on
// top of the dead one, and then that is taken out from below: whoever has a bind
// mount of the mountpoint (a container that was started with it, with
// propagation "slave") gets what is mounted on top of what it has, and keeps it.
// Taking out the dead one first would leave such a bind dead for ever, and for a
// moment everybody else would find an empty directory, which says that the
// secrets do not exist. Where it cannot be done the dead mount goes first.
func Replace(ctx context.Context, point string, log *slog.Logger, mount func() (int, error)) (int, error) {
	fd, err := overAndUnder(point, mount)
	if err == nil {
		log.Info("replaced a stale mount whose process is gone", "mountpoint", point)
		return fd, nil
	}
	log.Info("bind mounts of a stale mount stay stale", "mountpoint", point, "reason", err)
	if err := removeDead(ctx, point, log); err != nil {
		return -1, err
	}
	return mount()
}

// overAndUnder leaves the dead mount on top where it fails.
func overAndUnder(point string, mount func() (int, error)) (int, error) {
	mounts, err := mounttable.Leading(point)
	if err != nil {
		return -1, err
	}
	if mounttable.Shared(mounts.Parent(mounts.At(point))) {
		return withdrawElsewhere(point, mount)
	}
	return slipBeneath(point, mount)
}

// withdrawElsewhere is for a mountpoint in a shared mount. umount(2) takes away
// only what is on top. But an unmount that arrives by propagation takes a mount
// out from under another, and lets that down. So a second namespace is made, a
// copy of ours, in which the dead mount is withheld from what comes; there it is
// still on top, and there it is unmounted.
func withdrawElsewhere(point string, mount func() (int, error)) (fd int, err error) {
	withheld, mounted, withdrawn := make(chan error, 1), make(chan bool, 1), make(chan error, 1)
	go blocking.OnThread(func() { // the namespace ends with the thread
		err := unix.Unshare(unix.CLONE_NEWNS)
		if err == nil {
			err = unix.Mount("", point, "", unix.MS_PRIVATE, "")
		}
		withheld <- err
		if <-mounted {
			withdrawn <- unix.Unmount(point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		}
	})
	err = <-withheld
	if err != nil {
		mounted <- false
		return -1, fmt.Errorf("a mount namespace for the dead mount: %w", err)
	}
	fd, err = mount()
	mounted <- err == nil
	if err != nil {
		return -1, err
	}
	if err := <-withdrawn; err != nil {
		takeBack(point, fd)
		return -1, fmt.Errorf("withdrawing the dead mount: %w", err)
	}
	return fd, nil
}

// slipBeneath is for a mountpoint in a mount that is not shared: nothing arrives
// by propagation there. The new mount goes on top, for the sake of bind mounts;
// a second instance of it goes beneath the dead one, and both that are above it
// go. Nobody has been told yet that the mount is ready. Kernels before 6.5
// cannot put anything beneath: there is a moment with nothing mounted.
func slipBeneath(point string, mount func() (int, error)) (fd int, err error) {
	dead, err := unix.Open(point, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("reaching the dead mount: %w", err)
	}
	defer unix.Close(dead)
	fd, err = mount()
	if err != nil {
		return -1, err
	}
	second, err := unix.OpenTree(unix.AT_FDCWD, point, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		takeBack(point, fd)
		return -1, fmt.Errorf("a second instance of the mount: %w", err)
	}
	defer unix.Close(second)
	const off = unix.MNT_DETACH | unix.UMOUNT_NOFOLLOW
	// Made private, so that bind mounts keep what they just got.
	if err := unix.Mount("", fmt.Sprintf("/proc/self/fd/%d", dead), "", unix.MS_PRIVATE, ""); err != nil {
		takeBack(point, fd)
		return -1, fmt.Errorf("the dead mount's propagation: %w", err)
	}
	if err := unix.Unmount(point, off); err != nil {
		takeBack(point, fd)
		return -1, err
	}
	put := func(flags int) error {
		return unix.MoveMount(second, "", unix.AT_FDCWD, point, unix.MOVE_MOUNT_F_EMPTY_PATH|flags)
	}
	if put(MoveMountBeneath) == nil {
		return fd, unix.Unmount(point, off)
	}
	if err := unix.Unmount(point, off); err != nil {
		unix.Close(fd)
		return -1, err
	}
	if err := put(0); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// MoveMountBeneath is MOVE_MOUNT_BENEATH of linux/mount.h, since Linux 6.5.
const MoveMountBeneath = 0x200

// takeBack removes a mount that was made on top of a dead one.
func takeBack(point string, fd int) {
	unix.Unmount(point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	unix.Close(fd)
}

// below opens the directory that the mount on point hides. Only root can.
func below(point string) (*os.File, error) {
	tree, err := unix.OpenTree(unix.AT_FDCWD, filepath.Dir(point), unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return nil, err
	}
	defer unix.Close(tree)
	fd, err := unix.Openat(tree, filepath.Base(point), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), point), nil
}
