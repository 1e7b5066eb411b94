package attach

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
)

const (
	Device = "/dev/fuse"
	// MaxMessage is the largest READ and WRITE that the kernel sends. Most
	// secrets are far smaller; larger would only cost buffers.
	MaxMessage = 128 << 10
)

// Possible says, before the server is asked for anything, why attach would
// fail on this machine.
func Possible(allowOther bool) error {
	// fusermount3 opens the device with the user's own rights.
	if err := deviceError(unix.Access(Device, unix.R_OK|unix.W_OK)); err != nil {
		return err
	}
	if MayMount() {
		return nil
	}
	if _, err := FindHelper(); err != nil {
		return err
	}
	if allowOther && !othersAllowed(FuseConf) {
		return exitcode.Errorf(exitcode.FUSE, "as root, add the line user_allow_other to "+FuseConf+"; or leave out --allow-other",
			"users may not use --allow-other on this machine")
	}
	return nil
}

// Mount mounts on point and returns the descriptor that the kernel talks
// through. It is close-on-exec: a child that inherited it could read requests,
// and would keep the mount alive as a dead one. Whoever gets it closes it.
//
// The mount is read-write in the kernel's eyes even if nothing may be written:
// .infisicalfs/refresh is written to, and a read-only mount would refuse that
// before we are asked. The modes (0400, 0500) tell access(2) the truth for
// everybody but root, and each modifying call is answered EROFS. Where the mount
// propagates to it is as wanted, if [CanPropagate] says so.
func Mount(ctx context.Context, point, source string, allowOther bool, wanted Propagate) (int, error) {
	if MayMount() {
		return mountDirectly(point, source, allowOther, CanPropagate(wanted).As)
	}
	return mountThroughHelper(ctx, point, source, allowOther)
}

// kernelOptions are what the kernel itself checks. default_permissions is
// always there: without it the kernel checks nothing, and with allow_other any
// user would read a file of mode 0400.
func kernelOptions(allowOther bool) []string {
	options := []string{"default_permissions", fmt.Sprintf("max_read=%d", MaxMessage)}
	if allowOther {
		options = append(options, "allow_other")
	}
	return options
}

// MayMount reports whether this process mounts and unmounts without a helper: as
// root, also of a user namespace only, or as a user to whom such a namespace has
// given the right.
func MayMount() bool {
	if os.Geteuid() == 0 {
		return true
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&header, &data[0]) == nil && data[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

// mountDirectly needs no fuse3 package.
func mountDirectly(point, source string, allowOther bool, elsewhere Propagate) (int, error) {
	fd, err := unix.Open(Device, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, deviceError(err)
	}
	if elsewhere == PropagateRO {
		err = mountReadOnlyElsewhere(fd, point, source, allowOther)
	} else {
		err = unix.Mount(source, point, mounttable.FSType, unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, strings.Join(superOptions(fd, allowOther), ","))
	}
	if err == nil {
		return fd, nil
	}
	unix.Close(fd)
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return -1, exitcode.Errorf(exitcode.FUSE, "in a container, add --cap-add SYS_ADMIN --device /dev/fuse (and allow mount in AppArmor)",
			"root may not mount here: %w", err)
	case errors.Is(err, unix.ENODEV):
		return -1, exitcode.Errorf(exitcode.FUSE, "modprobe fuse", "the kernel does not know FUSE")
	}
	return -1, exitcode.Errorf(exitcode.Mountpoint, "", "mounting on %s: %w", point, err)
}

func deviceError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return exitcode.Errorf(exitcode.FUSE, "modprobe fuse; in a container, add --device /dev/fuse", "%s does not exist", Device)
	case errors.Is(err, fs.ErrPermission):
		return exitcode.Errorf(exitcode.FUSE, "as root: chmod 666 "+Device, "%s may not be opened", Device)
	}
	return exitcode.Errorf(exitcode.FUSE, "modprobe fuse", "opening %s: %w", Device, err)
}
