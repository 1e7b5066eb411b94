package attach

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/mounttable"
)

// Manner is how insistently a mount is removed.
type Manner int

const (
	Cleanly  Manner = iota // fails while somebody uses it
	Forcibly               // out of the tree at once; files still open answer ENOTCONN
)

// Unmount removes the topmost mount at point. A symbolic link put in its place
// is not followed.
func Unmount(ctx context.Context, point string, how Manner) error {
	if MayMount() {
		return unmountDirectly(point, how)
	}
	if how == Forcibly { // -z leaves open files alive; see abort
		return runHelper(ctx, nil, "-u", "-z", "--", point)
	}
	return runHelper(ctx, nil, "-u", "--", point)
}

func unmountDirectly(point string, how Manner) error {
	flags := unix.UMOUNT_NOFOLLOW
	if how == Forcibly {
		flags |= unix.MNT_DETACH
		// For FUSE, forcing means ending the connection. Root of a user
		// namespace may not do that to a mount from outside of it.
		if unix.Unmount(point, flags|unix.MNT_FORCE) == nil {
			return nil
		}
	}
	if err := unix.Unmount(point, flags); err != nil {
		return fmt.Errorf("unmounting %s: %w", point, err)
	}
	return nil
}

// Abort ends the connection numbered dev: every request fails with ENOTCONN,
// and the reader of the descriptor gets its end. The kernel gives the control
// file to the user who mounted; it is there where fusectl is mounted.
func Abort(dev int) error {
	f, err := os.OpenFile(fmt.Sprintf("/sys/fs/fuse/connections/%d/abort", dev), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte("1"))
	return errors.Join(err, f.Close())
}

// Sever ends the connection of the mount of ours at point and leaves the mount where it
// is, dead. It is [Abort] also where there is no fusectl.
func Sever(point string, dev int) error {
	if Abort(dev) == nil {
		return nil
	}
	root, err := mounttable.OpenRoot(point, dev, 0)
	if err != nil {
		return err
	}
	defer unix.Close(root)
	// Forcing an unmount of FUSE ends the connection first. Then it fails, because the
	// descriptor keeps the mount in use.
	err = unix.Unmount(fmt.Sprintf("/proc/self/fd/%d", root), unix.MNT_FORCE)
	if errors.Is(err, unix.EBUSY) {
		return nil
	}
	return cmp.Or(err, fmt.Errorf("%s is unmounted, which was not meant", point))
}
