package attach

import (
	"context"
	"errors"
	"syscall"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
)

// Claim makes sure that of several processes that mount on point at the same
// time one does and the others are told. The lock is on the directory that is
// going to be hidden, also where a dead mount hides it already, and is held from
// before the last look at the mount table until the mount is in it.
func Claim(ctx context.Context, p Place) (release func(), err error) {
	dir, err := openHidden(p)
	if err != nil {
		return nil, PathError(p.Point, err)
	}
	release = func() {
		unix.Flock(int(dir.Fd()), unix.LOCK_UN) // a thread apart may have the descriptor too
		dir.Close()
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		release()
		return nil, exitcode.Errorf(exitcode.Mountpoint, "", "another process is mounting on %s", p.Point)
	}
	mounts, err := mounttable.Leading(p.Point)
	if err == nil && mounttable.Ours(mounts.At(p.Point)) && !(p.Stale && errors.Is(Probe(ctx, p.Point), syscall.ENOTCONN)) {
		err = exitcode.Errorf(exitcode.Mountpoint, "infisicalfs unmount "+p.Point, "%s is mounted already", p.Point)
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}
