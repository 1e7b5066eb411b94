package mount

import (
	"context"
	"errors"
	"syscall"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
)

// claim makes sure that of several processes that mount on point at the same
// time one does and the others are told. The lock is on the directory that is
// going to be hidden, also where a dead mount hides it already, and is held from
// before the last look at the mount table until the mount is in it.
func claim(ctx context.Context, p place) (release func(), err error) {
	dir, err := openHidden(p)
	if err != nil {
		return nil, pathError(p.point, err)
	}
	release = func() {
		unix.Flock(int(dir.Fd()), unix.LOCK_UN) // a thread apart may have the descriptor too
		dir.Close()
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		release()
		return nil, exitcode.Errorf(exitcode.Mountpoint, "", "another process is mounting on %s", p.point)
	}
	mounts, err := mounttable.Read()
	if err == nil && mounttable.Ours(mounts.At(p.point)) && !(p.stale && errors.Is(probe(ctx, p.point), syscall.ENOTCONN)) {
		err = exitcode.Errorf(exitcode.Mountpoint, "infisicalfs unmount "+p.point, "%s is mounted already", p.point)
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}
