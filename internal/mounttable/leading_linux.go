package mounttable

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Leading returns those lines of the list that path leads through: the mount that path is
// on, or that is at it, what that is mounted on, and so on up to the root. That takes as
// long on a machine with a thousand mounts as with ten, since Linux 6.13; before, it is the
// whole list. Source and VFSOptions may be empty, and Options has nothing but whether the
// mount is read-only.
//
// It walks the path without asking what is mounted at it, but what is on the way there. The
// last element is not followed if it is a symbolic link.
func Leading(path string) (Table, error) {
	if t, err := leading(path); err == nil {
		return t, nil
	}
	return Read()
}

func leading(path string) (t Table, err error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT|unix.AT_STATX_DONT_SYNC, unix.STATX_MNT_ID_UNIQUE, &st); err != nil {
		return nil, err
	}
	if st.Mask&unix.STATX_MNT_ID_UNIQUE == 0 {
		return nil, unix.ENOSYS
	}
	buffer := make([]uint64, (answerSize+4*unix.PathMax)/8)
	for id := st.Mnt_id; ; {
		m, parent, err := describe(id, buffer)
		if err != nil {
			return nil, err
		}
		if t = append(t, m); m.Mountpoint == "/" {
			return t, nil
		}
		id = parent
	}
}

// errUntold means that this kernel does not tell everything.
var errUntold = errors.New("the kernel tells too little of a mount")

// describe asks for one line of the list, and for the number of the mount that is mounted on.
func describe(id uint64, buffer []uint64) (m *mountinfo.Info, parent uint64, err error) {
	const wanted = tellSuper | tellMount | tellRoot | tellPoint | tellType
	a, err := statmount(id, wanted|tellSubtype, buffer)
	if err != nil {
		return nil, 0, err
	}
	m = &mountinfo.Info{
		ID: int(a.oldID), Parent: int(a.oldParent), Major: int(a.major), Minor: int(a.minor),
		Root: text(buffer, a.root), Mountpoint: text(buffer, a.point), FSType: text(buffer, a.fsType), Options: "rw",
	}
	switch {
	case a.mask&tellSubtype != 0:
		m.FSType += "." + text(buffer, a.subtype)
	case m.FSType == "fuse": // it may be ours
		return nil, 0, errUntold
	}
	if a.mask&wanted != wanted {
		return nil, 0, errUntold
	}
	if a.attributes&unix.MOUNT_ATTR_RDONLY != 0 {
		m.Options = "ro"
	}
	if a.propagation&unix.MS_SHARED != 0 {
		m.Optional = fmt.Sprint("shared:", a.peerGroup)
	}
	return m, a.parent, nil
}

var _ [answerSize - unsafe.Sizeof(mountAnswer{})]byte // it fits
