package mount

import (
	"context"
	"log/slog"

	"infisicalfs/internal/exitcode"
)

// maxHeal bounds how many dead mounts on top of one another are removed.
const maxHeal = 16

// unstack removes all but the lowest of several dead mounts of ours on one
// another. That one start replaces: until then whoever looks gets ENOTCONN, and
// not an empty directory. The place has been claimed: somebody else who is
// replacing a dead mount has two there for a moment.
func unstack(ctx context.Context, p place, log *slog.Logger) (place, error) {
	for range maxHeal {
		if !p.stacked {
			return p, nil
		}
		if err := removeDead(ctx, p.point, log); err != nil {
			return place{}, err
		}
		var err error
		if p, err = inspect(ctx, p.point); err != nil {
			return place{}, err
		}
	}
	return place{}, exitcode.Errorf(exitcode.Mountpoint, "umount -l until findmnt shows none", "%s has too many stale mounts", p.point)
}

// removeDead removes the dead mount of ours at point. Forcibly: whoever still
// has a file of it open must not keep a new one from starting, and can do
// nothing with that file anyway.
func removeDead(ctx context.Context, point string, log *slog.Logger) error {
	if err := detach(ctx, point, forcibly); err != nil {
		return exitcode.Errorf(exitcode.Mountpoint, "sudo umount -l "+point, "%s is a stale mount that cannot be removed: %w", point, err)
	}
	log.Info("removed a stale mount whose process is gone", "mountpoint", point)
	return nil
}
