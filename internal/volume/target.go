package volume

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"infisicalfs/internal/attach"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
)

// resolveTarget is target as the mount table has it. Target itself is not looked at: a
// dead mount may be on it, or nothing at all.
func resolveTarget(ctx context.Context, target string) (string, error) {
	clean := filepath.Clean(target)
	if !filepath.IsAbs(clean) || clean == "/" {
		return clean, exitcode.Errorf(exitcode.Config, "give an absolute path", "%q is no path for a volume", target)
	}
	parent, err := attach.Resolve(ctx, nil, filepath.Dir(clean))
	if err != nil {
		return clean, err
	}
	return filepath.Join(parent, filepath.Base(clean)), nil
}

// makeTarget makes the directory to mount on. One that is there is somebody's who made it
// beforehand, or has a dead mount on it.
func makeTarget(point string) error {
	err := os.Mkdir(point, 0o750)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return exitcode.Errorf(exitcode.Mountpoint, "", "the directory for the volume cannot be made: %w", err)
}

// vacate clears a target at which no volume is, unless one is there by now: then it reports false.
// Until it is done none comes to be there, which would lose its directory.
func (m *Manager) vacate(ctx context.Context, target string) (bool, error) {
	name := targetName(target)
	for {
		m.mu.Lock()
		taken, cleared := m.volumes[name] != nil, m.clearing[name]
		if !taken && cleared == nil {
			m.clearing[name] = make(chan struct{})
		}
		m.mu.Unlock()
		switch {
		case taken:
			return false, nil
		case cleared != nil:
			if err := waitCleared(ctx, cleared); err != nil {
				return true, err
			}
			continue
		}
		err := clearTarget(ctx, target)
		m.mu.Lock()
		close(m.clearing[name])
		delete(m.clearing, name)
		m.mu.Unlock()
		return true, err
	}
}

func waitCleared(ctx context.Context, cleared <-chan struct{}) error {
	select {
	case <-cleared:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for what was at the target to be unmounted: %w", context.Cause(ctx))
	}
}

// maxLayers bounds how many mounts on one another are removed: each crash may leave one.
const maxLayers = 100

// clearTarget unmounts what is mounted at point until nothing is, and removes the directory. What is
// mounted there by somebody else is an error.
func clearTarget(ctx context.Context, point string) error {
	for range maxLayers {
		table, err := mounttable.Read()
		if err != nil {
			return err
		}
		top := table.At(point)
		if top == nil {
			return removedTarget(point)
		}
		if !mounttable.Ours(top) {
			return exitcode.Errorf(exitcode.Mountpoint, "umount "+point, "%s is not unmounted: a mount of %s is on it", point, top.FSType)
		}
		if err := attach.Unmount(ctx, point, attach.Forcibly); err != nil {
			return err
		}
	}
	return exitcode.Errorf(exitcode.Mountpoint, "umount -l until findmnt shows none", "%s has too many mounts on one another", point)
}

func removedTarget(point string) error {
	if err := os.Remove(point); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return exitcode.Errorf(exitcode.Mountpoint, "", "the directory of the volume cannot be removed: %w", exitcode.PathError(err))
	}
	return nil
}

// isDead reports whether a mount of ours that nobody serves is at point.
func isDead(ctx context.Context, point string) bool {
	table, err := mounttable.Read()
	return err == nil && mounttable.Ours(table.At(point)) && errors.Is(attach.Probe(ctx, point), syscall.ENOTCONN)
}

// isThere reports whether a mount of ours is at point, or that cannot be seen. It asks no mount.
func isThere(point string) bool {
	table, err := mounttable.Leading(point)
	return err != nil || mounttable.Ours(table.At(point))
}
