package run

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/exitcode"
)

// unshareMounts gives the calling thread, and what it starts or becomes, a mount
// namespace of its own. Nothing that is mounted inside appears outside. What is
// mounted and unmounted outside still appears inside: else a file system that
// was unmounted outside would live on as a copy in here.
func unshareMounts() error {
	err := unix.Unshare(unix.CLONE_NEWNS)
	if errors.Is(err, unix.EPERM) {
		return missing("in a container, add --cap-add SYS_ADMIN --device /dev/fuse (and allow mount in AppArmor)",
			"root may not make a mount namespace here: %w", err)
	}
	if err == nil {
		err = unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, "")
	}
	if err != nil {
		return fmt.Errorf("a mount namespace: %w", err)
	}
	return nil
}

// ownUserNamespace has a process start in a mount namespace and in a user
// namespace that knows one user and one group, those who start it, under their
// own numbers. Only a right that is "ambient" outlives the exec of a user who is
// not root. Of itself the kernel lets no mount out of such a namespace.
func ownUserNamespace(attr *syscall.SysProcAttr) {
	attr.Cloneflags = unix.CLONE_NEWUSER | unix.CLONE_NEWNS
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
	attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN}
}

const asRoot = "or run it as root"

// SwitchedOff says that this machine keeps users from making namespaces, as far as its
// settings tell; nil: they do not say so. It asks no kernel for one.
func SwitchedOff() error {
	for _, switched := range []struct{ file, off, cure string }{
		{"/proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"},
		{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
			"give infisicalfs an AppArmor profile with 'userns,', or: sysctl kernel.apparmor_restrict_unprivileged_userns=0"},
		{"/proc/sys/user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=10000"},
		{"/proc/sys/user/max_mnt_namespaces", "0", "sysctl user.max_mnt_namespaces=10000"},
	} {
		if text, _ := os.ReadFile(switched.file); strings.TrimSpace(string(text)) == switched.off {
			return missing("as root: "+switched.cure+"; "+asRoot,
				"users may not make namespaces on this machine (%s is %s)", switched.file, switched.off)
		}
	}
	return nil
}

// noUserNamespace explains why the kernel refused one.
func noUserNamespace(err error) error {
	if off := SwitchedOff(); off != nil {
		return off
	}
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EUSERS):
		return missing("as root, raise user.max_user_namespaces; "+asRoot, "there are too many user namespaces: %w", err)
	case errors.Is(err, unix.EINVAL):
		return missing("run it as root", "the kernel has no user namespaces: %w", err)
	}
	return missing("in a container, its seccomp or AppArmor profile has to allow user namespaces; "+asRoot,
		"users may not make namespaces here: %w", err)
}

func missing(hint, format string, args ...any) error {
	return &exitcode.Error{Err: fmt.Errorf(format, args...), Hint: hint, Code: exitcode.FUSE}
}
