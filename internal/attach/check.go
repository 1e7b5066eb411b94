// Package attach puts mounts into the file tree and takes them out: it says whether
// something may be mounted on a directory ([Inspect]), heals what a killed process
// has left there ([Take]), and mounts as root or through fusermount3 ([Mount]).
//
// Everything that looks at a path gives up in time, and nothing asks a mount of ours
// for more than whether somebody serves it.
package attach

import (
	"context"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/blocking"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
)

// Check reports why [New] would refuse to mount on mountpoint: it does not
// exist, is not a directory, may not be written by a plain user, is a mount
// already, or lies inside a mount of ours. A stale mount of ours is no reason,
// New heals it; neither is a directory with content, which is hidden while
// mounted. The error is an *exitcode.Error with code Mountpoint.
func Check(mountpoint string) error {
	_, err := Inspect(context.Background(), mountpoint)
	return err
}

// Examine tries what a mount needs of this machine, without mounting: it says
// how a mount would be made, or fails with an *exitcode.Error that says what is missing.
func Examine() (how string, err error) {
	if err := Possible(false); err != nil {
		return "", err
	}
	release, _ := Kernel()
	if os.Geteuid() == 0 {
		return "as root, directly; Linux " + release, nil
	}
	how = "as a user, through fusermount3; Linux " + release
	if HelperConfined() {
		how += "; AppArmor lets it mount only below " + AllowedPlaces + ", unless /etc/apparmor.d/local/fusermount3 says more"
	}
	return how, nil
}

// Place is a mountpoint that may be used.
type Place struct {
	Point string // absolute, no symbolic links
	Stale bool   // a dead mount of ours is on it
	// Stacked: below the dead mount is another of ours.
	Stacked bool
	Hides   bool // the directory has content
}

// Inspect says whether something may be mounted on mountpoint. The path is held against the
// mount table before it is looked at.
func Inspect(ctx context.Context, mountpoint string) (Place, error) {
	mounts, err := mounttable.Read()
	if err != nil {
		return Place{}, err
	}
	return inspect(ctx, mounts, mountpoint)
}

// InspectOwn is Inspect for a path that may be walked at once, as it was looked at before or
// is in a directory of the caller's own: what is mounted elsewhere is not read, so that it
// takes no longer among a thousand mounts.
func InspectOwn(ctx context.Context, mountpoint string) (Place, error) {
	mounts, err := blocking.Within(ctx, func() (mounttable.Table, error) { return mounttable.Leading(mountpoint) })
	if err != nil {
		return Place{}, PathError(mountpoint, err)
	}
	return inspect(ctx, mounts, mountpoint)
}

func inspect(ctx context.Context, mounts mounttable.Table, mountpoint string) (Place, error) {
	point, err := outsideOurs(ctx, mounts, mountpoint)
	if err != nil {
		return Place{}, err
	}
	if vital(point) {
		return Place{}, exitcode.Errorf(exitcode.Mountpoint, "choose an empty directory", "will not mount over %s: nobody could unmount it", point)
	}
	var answer error
	if mounttable.Ours(mounts.At(point)) {
		answer = Probe(ctx, point)
	}
	if p, taken, err := heal(mounts, point, answer); taken || err != nil {
		return p, err
	}
	hides, err := blocking.Within(ctx, func() (bool, error) { return usable(point) })
	if err != nil {
		return Place{}, PathError(point, err)
	}
	return Place{Point: point, Hides: hides}, nil
}

// vital reports whether the system, and whoever wants to unmount again, needs what
// is there.
func vital(point string) bool {
	switch point {
	case "/", "/proc", "/sys", "/dev":
		return true
	}
	return strings.HasPrefix(point, "/proc/") || strings.HasPrefix(point, "/sys/")
}

// outsideOurs resolves mountpoint and refuses one inside a mount of ours. The
// path as given is held against the table first: resolving it would ask that
// mount, and so perhaps its server, for names that are none.
func outsideOurs(ctx context.Context, mounts mounttable.Table, mountpoint string) (string, error) {
	inside := func(path string) error {
		if m := mounts.Around(path); m != nil {
			return exitcode.Errorf(exitcode.Mountpoint, "choose a directory outside of it", "%s is inside the infisicalfs mount %s", path, m.Mountpoint)
		}
		return nil
	}
	path, err := Absolute(mountpoint)
	if err != nil {
		return "", err
	}
	if err := inside(path); err != nil {
		return "", err
	}
	point, err := Resolve(ctx, mounts, path)
	if err != nil {
		return "", err
	}
	return point, inside(point)
}

// Probe asks a mount of ours whether anybody serves it: ENOTCONN means that
// nobody does. The kernel answers those who may not enter itself, and then a
// dead mount seems to live; only its user could remove it anyway.
//
// It may be another mount of this very process.
func Probe(ctx context.Context, point string) error {
	_, err := blocking.Within(ctx, func() (struct{}, error) {
		var st unix.Statfs_t
		var answer error
		asked := false
		_ = blocking.Apart(func() error {
			asked, answer = true, unix.Statfs(point, &st)
			return nil
		})
		if !asked { // not allowed, as in a container, where nobody can mount either
			answer = unix.Statfs(point, &st)
		}
		return struct{}{}, answer
	})
	return err
}

// usable reports whether dir has content, and fails if it cannot be mounted on.
// fusermount3 lets a user mount only where that user may write.
func usable(dir string) (hides bool, err error) {
	info, err := os.Stat(dir)
	if err != nil {
		return false, err
	}
	if !info.IsDir() {
		return false, syscall.ENOTDIR
	}
	if !MayMount() {
		if err := unix.Access(dir, unix.W_OK); err != nil {
			return false, err
		}
	}
	entries, err := os.Open(dir)
	if err != nil {
		return false, nil // may be mounted on without being listed
	}
	defer entries.Close()
	names, _ := entries.Readdirnames(1)
	return len(names) > 0, nil
}
