package mount

import (
	"context"
	"log/slog"
)

// maxHeal bounds how many dead mounts on top of one another are removed.
const maxHeal = 16

// prepare checks mountpoint, removes dead mounts of ours from it, and returns
// the path to mount on.
func prepare(ctx context.Context, mountpoint string, log *slog.Logger) (string, error) {
	for range maxHeal {
		p, err := inspect(ctx, mountpoint)
		if err != nil {
			return "", err
		}
		if !p.stale {
			if p.hides {
				log.Warn("the mountpoint has content, which is hidden while mounted", "mountpoint", p.point)
			}
			return p.point, nil
		}
		// Forcibly: whoever still has a file of the dead mount open must not keep
		// the new one from starting, and can do nothing with that file anyway.
		if err := detach(ctx, p.point, forcibly); err != nil {
			return "", badMountpoint("sudo umount -l "+p.point, "%s is a stale mount that cannot be removed: %w", p.point, err)
		}
		log.Info("removed a stale mount whose process is gone", "mountpoint", p.point)
	}
	return "", badMountpoint("umount -l until findmnt shows none", "%s has too many stale mounts", mountpoint)
}
