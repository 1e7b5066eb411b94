package attach

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/mounttable"
)

// CanPropagate says what becomes of a mount that this process makes and that is
// to propagate as wanted.
func CanPropagate(wanted Propagate) Propagation {
	switch {
	case wanted == PropagateRW:
		return Propagation{As: PropagateRW}
	case !MayMount():
		return Propagation{As: PropagateRW, Reason: noPropagateHelper}
	case !instancesHaveAttributes():
		return Propagation{As: PropagateRW, Reason: noPropagateKernel}
	}
	return Propagation{As: PropagateRO}
}

// instancesHaveAttributes reports whether the kernel has the system call that
// changes the flags of a single instance, the youngest of those that are needed
// (Linux 5.12). It refuses these arguments before it looks at anything else, and a
// filter of system calls, as container engines have, gives another error.
func instancesHaveAttributes() bool {
	_, _, errno := unix.Syscall6(unix.SYS_MOUNT_SETATTR, 0, 0, 0, 0, 0, 0)
	return errno == unix.EINVAL
}

// mountReadOnlyElsewhere mounts on point what is read-only wherever it propagates to.
func mountReadOnlyElsewhere(fd int, point, source string, allowOther bool) error {
	instance, err := newInstance(fd, source, allowOther)
	if err != nil {
		return err
	}
	defer unix.Close(instance)
	return moveReadOnlyElsewhere(instance, point)
}

// newInstance makes a mount that is in no tree, read-only. The caller closes it.
func newInstance(fd int, source string, allowOther bool) (instance int, err error) {
	context, err := unix.Fsopen("fuse", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("fsopen: %w", err)
	}
	defer unix.Close(context)
	for _, option := range append(superOptions(fd, allowOther), "source="+source, "subtype="+mounttable.Subtype) {
		name, value, hasValue := strings.Cut(option, "=")
		if hasValue {
			err = unix.FsconfigSetString(context, name, value)
		} else {
			err = unix.FsconfigSetFlag(context, name)
		}
		if err != nil {
			return -1, fmt.Errorf("fsconfig %s: %w", name, err)
		}
	}
	if err := unix.FsconfigCreate(context); err != nil {
		return -1, fmt.Errorf("fsconfig: %w", err)
	}
	instance, err = unix.Fsmount(context, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_RDONLY|ownAttributes)
	if err != nil {
		return -1, fmt.Errorf("fsmount: %w", err)
	}
	return instance, nil
}

// ownAttributes are what all our mounts have.
const ownAttributes = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC

// moveReadOnlyElsewhere puts a read-only instance, which is in no tree, at point. What
// is mounted in a shared mount appears with its flags wherever that is shared with,
// at this moment; a change of flags afterwards is about this one instance. So it is
// made writable here when it is there. Who writes in between gets EROFS.
func moveReadOnlyElsewhere(instance int, point string) error {
	if err := unix.MoveMount(instance, "", unix.AT_FDCWD, point, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("move_mount: %w", err)
	}
	writable := unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(instance, "", unix.AT_EMPTY_PATH, &writable); err != nil {
		out := unix.Unmount(point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		return errors.Join(fmt.Errorf("mount_setattr: %w", err), out)
	}
	return nil
}

// superOptions are those of the file system, for all instances of it.
func superOptions(fd int, allowOther bool) []string {
	return append([]string{
		fmt.Sprintf("fd=%d", fd),
		fmt.Sprintf("rootmode=%o", unix.S_IFDIR),
		fmt.Sprintf("user_id=%d", os.Geteuid()),
		fmt.Sprintf("group_id=%d", os.Getegid()),
	}, kernelOptions(allowOther)...)
}
