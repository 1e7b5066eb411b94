package mount

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/moby/sys/mountinfo"

	"infisicalfs/internal/exitcode"
)

// Unmounted is what became of a mount that was taken out of the tree.
type Unmounted struct {
	Mountpoint string
	PID        int      // of the process behind it, 0 if that is not known
	Goes       bool     // the process goes on: somebody else has the mount
	Holders    []Holder // who, as far as this process may see
}

// Unmount removes the mount of ours at mountpoint, of whatever process, live or
// stale, and waits for the end of that process. One that is in use stays: after a
// second of trying again, the error says so. It is an *Error with code Mountpoint,
// Denied for a mount of another user, or FUSE without fusermount3.
//
// A mount that is also in another mount namespace, or bound to another place, is
// taken out of the tree and goes on there.
func Unmount(ctx context.Context, mountpoint string) (Unmounted, error) {
	top, err := findOurs(ctx, mountpoint)
	if err != nil {
		return Unmounted{}, err
	}
	if err := mayUnmount(top); err != nil {
		return Unmounted{}, err
	}
	result := Unmounted{Mountpoint: top.Mountpoint}
	s, from, err := askStatus(ctx, behind(top))
	if err != nil || from.PID == os.Getpid() {
		return result, takeOut(ctx, top.Mountpoint) // nobody to wait for is known, or it is us
	}
	result.PID = s.PID
	process, err := watchProcess(from.PID)
	if err != nil {
		return result, takeOut(ctx, top.Mountpoint)
	}
	defer process.close()
	if err := takeOut(ctx, top.Mountpoint); err != nil {
		return result, err
	}
	if !process.endsWithin(ctx, letGo) {
		result.Goes, result.Holders = true, holders(top.Minor)
	}
	return result, nil
}

// takeOut unmounts cleanly.
func takeOut(ctx context.Context, point string) error {
	var err error
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

// findOurs returns the mount of ours at mountpoint without touching it.
func findOurs(ctx context.Context, mountpoint string) (*mountinfo.Info, error) {
	mounts, err := readTable()
	if err != nil {
		return nil, err
	}
	point, err := resolve(ctx, mounts, mountpoint)
	if err != nil {
		return nil, err
	}
	top := mounts.at(point)
	switch {
	case top == nil:
		return nil, badMountpoint("infisicalfs status lists the mounts", "%s is not mounted", point)
	case !ours(top):
		return nil, badMountpoint("use umount for it", "%s is a mount of %s, not of infisicalfs", point, top.FSType)
	}
	return top, nil
}

// mayUnmount refuses what fusermount3 would refuse in other words.
func mayUnmount(m *mountinfo.Info) error {
	if me := os.Geteuid(); me == 0 || describe(m).UID == me {
		return nil
	}
	return &Error{Err: errors.New(m.Mountpoint + " belongs to another user"), Hint: "unmount it as that user or as root", Code: exitcode.Denied}
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
