package mount

import (
	"context"
	"errors"
	"os"
	"time"

	"infisicalfs/internal/exitcode"
)

// Unmount removes the mount of ours at mountpoint, of whatever process, live or
// stale. One that is in use stays: after a second of trying again, the error
// says so. It is an *Error with code Mountpoint, Denied for a mount of another
// user, or FUSE without fusermount3.
func Unmount(ctx context.Context, mountpoint string) error {
	point, err := findOurs(ctx, mountpoint)
	if err != nil {
		return err
	}
	if err := mayUnmount(point); err != nil {
		return err
	}
	// Whoever closed a file just now may still be on the way out.
	for pause := 10 * time.Millisecond; ; pause *= 2 {
		err = detach(ctx, point, cleanly)
		if err == nil {
			return nil
		}
		if exitcode.Of(err) == exitcode.FUSE {
			return err
		}
		if pause > 640*time.Millisecond || !waited(ctx, pause) {
			break
		}
	}
	if _, gone := findOurs(ctx, point); gone != nil {
		return nil // somebody else was faster
	}
	return badMountpoint("fuser -vm "+point+" shows who uses it; ending the infisicalfs process unmounts in any case",
		"%s cannot be unmounted: %w", point, err)
}

// findOurs returns the path of the mount of ours at mountpoint without touching
// it.
func findOurs(ctx context.Context, mountpoint string) (string, error) {
	mounts, err := readTable()
	if err != nil {
		return "", err
	}
	point, err := resolve(ctx, mounts, mountpoint)
	if err != nil {
		return "", err
	}
	top := mounts.at(point)
	switch {
	case top == nil:
		return "", badMountpoint("infisicalfs status lists the mounts", "%s is not mounted", point)
	case !ours(top):
		return "", badMountpoint("use umount for it", "%s is a mount of %s, not of infisicalfs", point, top.FSType)
	}
	return point, nil
}

// mayUnmount refuses what fusermount3 would refuse in other words.
func mayUnmount(point string) error {
	mounts, err := readTable()
	if err != nil {
		return err
	}
	top := mounts.at(point)
	if me := os.Geteuid(); me == 0 || top == nil || describe(top).UID == me {
		return nil
	}
	return &Error{Err: errors.New(point + " belongs to another user"), Hint: "unmount it as that user or as root", Code: exitcode.Denied}
}

// waited pauses, and reports false if ctx ended first.
func waited(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
