package attach

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
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
