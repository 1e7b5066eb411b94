package attach

import (
	"context"
	"errors"
	"log/slog"
	"syscall"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
)

// heal decides what becomes of what is mounted on point already. A dead mount of
// ours, of any user, makes way for the new one; what would be hidden from whoever
// uses it is an error. Answer is that of a mount of ours: ENOTCONN where nobody
// serves it. Not taken: there is nothing that stands in the way.
func heal(mounts mounttable.Table, point string, answer error) (p Place, taken bool, err error) {
	top := mounts.At(point)
	switch {
	case mounttable.Ours(top) && errors.Is(answer, syscall.ENOTCONN):
		return Place{Point: point, Stale: true, Stacked: mounttable.Ours(mounts.Below(top))}, true, nil
	case mounttable.Ours(top) && errors.Is(answer, context.DeadlineExceeded):
		return Place{}, true, exitcode.Errorf(exitcode.Mountpoint, "end its process, or: umount -l "+point,
			"%s is an infisicalfs mount that does not answer", point)
	case mounttable.Ours(top):
		return Place{}, true, exitcode.Errorf(exitcode.Mountpoint, "infisicalfs unmount "+point, "%s is mounted already", point)
	case mounttable.IsFUSE(top):
		return Place{}, true, exitcode.Errorf(exitcode.Mountpoint, "choose another directory, or unmount it first",
			"%s is busy: %s is mounted there", point, top.FSType)
	}
	return Place{}, false, nil
}

// Take mounts at p with mount, which returns a descriptor of the connection, and
// puts the new mount in the place of a dead one of ours that is there. Of several
// processes that do so at the same time one succeeds. The caller releases the claim
// when the mount answers.
func Take(ctx context.Context, p Place, log *slog.Logger, mount func() (int, error)) (fd int, release func(), err error) {
	if p.Stale && !Replaceable(p.Point) {
		if p, err = Unstack(ctx, p, log); err == nil {
			err = removeDead(ctx, p.Point, log)
		}
		if err != nil {
			return -1, nil, err
		}
		p.Stale = false
	}
	if release, err = Claim(ctx, p); err != nil {
		return -1, nil, err
	}
	if p.Stale { // somebody else may have been at it before it was claimed
		if p, err = InspectOwn(ctx, p.Point); err == nil {
			p, err = Unstack(ctx, p, log)
		}
	}
	switch {
	case err != nil:
		fd = -1
	case p.Stale:
		fd, err = Replace(ctx, p.Point, log, mount)
	default:
		fd, err = mount()
	}
	if err != nil {
		release()
		return -1, nil, err
	}
	return fd, release, nil
}

// maxHeal bounds how many dead mounts on top of one another are removed.
const maxHeal = 16

// Unstack removes all but the lowest of several dead mounts of ours on one
// another. That one start replaces: until then whoever looks gets ENOTCONN, and
// not an empty directory. The place has been claimed: somebody else who is
// replacing a dead mount has two there for a moment.
func Unstack(ctx context.Context, p Place, log *slog.Logger) (Place, error) {
	for range maxHeal {
		if !p.Stacked {
			return p, nil
		}
		if err := removeDead(ctx, p.Point, log); err != nil {
			return Place{}, err
		}
		var err error
		if p, err = InspectOwn(ctx, p.Point); err != nil {
			return Place{}, err
		}
	}
	return Place{}, exitcode.Errorf(exitcode.Mountpoint, "umount -l until findmnt shows none", "%s has too many stale mounts", p.Point)
}

// removeDead removes the dead mount of ours at point. Forcibly: whoever still
// has a file of it open must not keep a new one from starting, and can do
// nothing with that file anyway.
func removeDead(ctx context.Context, point string, log *slog.Logger) error {
	if err := Unmount(ctx, point, Forcibly); err != nil {
		return exitcode.Errorf(exitcode.Mountpoint, "sudo umount -l "+point, "%s is a stale mount that cannot be removed: %w", point, err)
	}
	log.Info("removed a stale mount whose process is gone", "mountpoint", point)
	return nil
}
