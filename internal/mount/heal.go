package mount

import (
	"context"
	"log/slog"
)

// maxHeal bounds how many dead mounts on top of one another are removed.
const maxHeal = 16

// prepare checks mountpoint. Of several dead mounts of ours on one another it
// leaves the lowest, which start replaces: until then whoever looks gets
// ENOTCONN, and not an empty directory.
func prepare(ctx context.Context, mountpoint string, log *slog.Logger) (place, error) {
	for range maxHeal {
		p, err := inspect(ctx, mountpoint)
		if err != nil {
			return place{}, err
		}
		if p.hides {
			log.Warn("the mountpoint has content, which is hidden while mounted", "mountpoint", p.point)
		}
		if !p.stacked {
			return p, nil
		}
		if err := removeDead(ctx, p.point, log); err != nil {
			return place{}, err
		}
	}
	return place{}, badMountpoint("umount -l until findmnt shows none", "%s has too many stale mounts", mountpoint)
}

// removeDead removes the dead mount of ours at point. Forcibly: whoever still
// has a file of it open must not keep a new one from starting, and can do
// nothing with that file anyway.
func removeDead(ctx context.Context, point string, log *slog.Logger) error {
	if err := detach(ctx, point, forcibly); err != nil {
		return badMountpoint("sudo umount -l "+point, "%s is a stale mount that cannot be removed: %w", point, err)
	}
	log.Info("removed a stale mount whose process is gone", "mountpoint", point)
	return nil
}
