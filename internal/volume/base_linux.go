package volume

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/attach"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
)

const useStateDir = "run it as root, or name a directory that whoever runs it may write to with --state-dir"

// lockDir keeps other Managers out of the state directory until release is called, or the
// process ends, however that comes about.
func lockDir(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, exitcode.Errorf(exitcode.Config, useStateDir, "the state directory cannot be made: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Config, useStateDir, "the state directory cannot be used: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		return nil, exitcode.Errorf(exitcode.Config, "end it first, or use another state directory", "another process serves the volumes of %s", dir)
	}
	return func() {
		unix.Flock(int(file.Fd()), unix.LOCK_UN) // a thread apart may have the descriptor too
		file.Close()
	}, nil
}

// prepareBase makes dir a mount of its own, with a peer group of its own: what is mounted
// in it reaches those who have bound it, and not a second time the directory that it is in.
// It returns dir without symbolic links.
func prepareBase(dir string, log *slog.Logger) (string, error) {
	fail := func(err error) (string, error) {
		return "", exitcode.Errorf(exitcode.Mountpoint, "", "the base directory %s cannot be used: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return fail(err)
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return fail(err)
	}
	table, err := mounttable.Read()
	if err != nil {
		return fail(err)
	}
	if mounttable.Shared(table.At(dir)) {
		return dir, nil
	}
	if !attach.MayMount() {
		log.Warn("containers do not get what is mounted after their start: only root can make the base directory a shared mount", "directory", dir)
		return dir, nil
	}
	if table.At(dir) == nil {
		if err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
			return fail(fmt.Errorf("binding it to itself: %w", err))
		}
		if err := unix.Mount("", dir, "", unix.MS_PRIVATE, ""); err != nil {
			return fail(fmt.Errorf("taking it out of the peer group that it is in: %w", err))
		}
	}
	if err := unix.Mount("", dir, "", unix.MS_SHARED, ""); err != nil {
		return fail(fmt.Errorf("making it a shared mount: %w", err))
	}
	return dir, nil
}

// clearLeftovers unmounts what a killed process has left below the base directory and
// nobody wants there: a volume whose last user had gone. What is alive is somebody else's.
func clearLeftovers(ctx context.Context, base string, wanted func(name string) bool, log *slog.Logger) {
	mounts, err := mounttable.List()
	if err != nil {
		return
	}
	for _, m := range mounts {
		name, below := strings.CutPrefix(m.Mountpoint, base+"/")
		if !below || wanted(name) || !errors.Is(attach.Probe(ctx, m.Mountpoint), syscall.ENOTCONN) {
			continue
		}
		if err := attach.Unmount(ctx, m.Mountpoint, attach.Forcibly); err != nil {
			log.Warn("a dead mount stays behind", "mountpoint", m.Mountpoint, "error", err)
			continue
		}
		log.Info("removed the dead mount of a volume that nobody uses", "mountpoint", m.Mountpoint)
	}
}
