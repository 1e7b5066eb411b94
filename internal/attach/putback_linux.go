package attach

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/blocking"
	"infisicalfs/internal/mounttable"
)

// errNobodyHas means that no whole instance of a mount was found.
var errNobodyHas = errors.New("nobody has the whole of the mount where it can be reached")

// PutBack mounts an instance of the mount with that connection on point, made from
// one that somebody else has. Only root can. Where it propagates to it is as wanted.
func PutBack(point string, connection int, wanted Propagate) error {
	instance, err := instanceElsewhere(connection)
	if err != nil {
		return err
	}
	defer unix.Close(instance)
	// A container's may be read-only or not, and shared with others of its own.
	attr := unix.MountAttr{Attr_set: ownAttributes, Propagation: unix.MS_PRIVATE}
	if wanted == PropagateRW {
		attr.Attr_clr = unix.MOUNT_ATTR_RDONLY
	} else {
		attr.Attr_set |= unix.MOUNT_ATTR_RDONLY
	}
	if err := unix.MountSetattr(instance, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		return fmt.Errorf("the attributes of an instance: %w", err)
	}
	if wanted == PropagateRW {
		err = unix.MoveMount(instance, "", unix.AT_FDCWD, point, unix.MOVE_MOUNT_F_EMPTY_PATH)
	} else {
		err = moveReadOnlyElsewhere(instance, point)
	}
	if err != nil {
		return fmt.Errorf("mounting on %s: %w", point, err)
	}
	return nil
}

// instanceElsewhere returns a descriptor of a new instance, in no tree, of the mount
// with that connection. It is made from a bind mount here, or in another mount
// namespace; one of a part of the mount does not do.
func instanceElsewhere(connection int) (int, error) {
	mounts, err := mounttable.Read()
	if err != nil {
		return -1, err
	}
	if m := mounts.Whole(connection); m != nil {
		return mounttable.OpenRoot(m.Mountpoint, connection, unix.OPEN_TREE_CLONE)
	}
	tried := map[string]bool{mounttable.Namespace("/proc/self"): true}
	for _, pid := range mounttable.Processes() {
		proc := fmt.Sprintf("/proc/%d", pid)
		namespace := mounttable.Namespace(proc)
		if namespace == "" || tried[namespace] {
			continue
		}
		tried[namespace] = true
		mounts, err := mounttable.Of(proc)
		if err != nil {
			continue
		}
		if m := mounts.Whole(connection); m != nil {
			if fd, err := cloneIn(proc+"/ns/mnt", m.Mountpoint, connection); err == nil {
				return fd, nil
			}
		}
	}
	return -1, errNobodyHas
}

// cloneIn makes an instance of what is mounted at point in another namespace.
func cloneIn(namespace, point string, connection int) (fd int, err error) {
	ns, err := unix.Open(namespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(ns)
	fd = -1
	blocking.OnThread(func() { // it stays there, and ends
		if err = unix.Unshare(unix.CLONE_FS); err != nil {
			return
		}
		if err = unix.Setns(ns, unix.CLONE_NEWNS); err == nil {
			fd, err = mounttable.OpenRoot(point, connection, unix.OPEN_TREE_CLONE)
		}
	})
	return fd, err
}
