package mounttable

import (
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// listmount(2) and statmount(2), since Linux 6.8, tell of mounts by numbers that are
// never given again, and of one mount without all others. Older kernels, and filters of
// system calls, have errors for both.

// mountRequest is struct mnt_id_req of linux/mount.h.
type mountRequest struct {
	size, _   uint32
	id, param uint64
}

const (
	mountRequestSize = 24         // MNT_ID_REQ_SIZE_VER0
	allMounts        = ^uint64(0) // LSMT_ROOT: all below the root of this process
)

// What statmount is asked for, and says that it has told: bits of linux/mount.h.
const (
	tellSuper   = 0x1   // STATMOUNT_SB_BASIC
	tellMount   = 0x2   // STATMOUNT_MNT_BASIC
	tellRoot    = 0x8   // STATMOUNT_MNT_ROOT
	tellPoint   = 0x10  // STATMOUNT_MNT_POINT
	tellType    = 0x20  // STATMOUNT_FS_TYPE
	tellSubtype = 0x100 // STATMOUNT_FS_SUBTYPE, since Linux 6.13
)

// mountAnswer is the beginning of struct statmount of linux/mount.h. Its texts are offsets
// into what follows the whole of it.
type mountAnswer struct {
	size, options           uint32
	mask                    uint64
	major, minor            uint32
	magic                   uint64
	superFlags, fsType      uint32
	id, parent              uint64
	oldID, oldParent        uint32
	attributes, propagation uint64
	peerGroup, master, from uint64
	root, point             uint32
	namespace               uint64
	subtype, source         uint32
}

// answerSize is that of struct statmount without texts.
const answerSize = 512

// mountIDs returns the numbers of all mounts that this process sees, ascending, in list if
// there is room.
func mountIDs(list []uint64) ([]uint64, error) {
	list = list[:0]
	r := mountRequest{size: mountRequestSize, id: allMounts}
	for {
		list = slices.Grow(list, 256)
		room := list[len(list):cap(list)]
		n, _, errno := unix.Syscall6(unix.SYS_LISTMOUNT, uintptr(unsafe.Pointer(&r)), uintptr(unsafe.Pointer(unsafe.SliceData(room))), uintptr(len(room)), 0, 0, 0)
		if errno != 0 {
			return nil, errno
		}
		list = list[:len(list)+int(n)]
		if int(n) < len(room) {
			return list, nil
		}
		r.param = list[len(list)-1] // those that follow it
	}
}

// statmount asks for what mask says of a mount. Buffer has room for a mountAnswer, and for
// answerSize and the texts if there are any to be told.
func statmount(id, mask uint64, buffer []uint64) (*mountAnswer, error) {
	r := mountRequest{size: mountRequestSize, id: id, param: mask}
	clear(buffer[:unsafe.Sizeof(mountAnswer{})/8])
	_, _, errno := unix.Syscall6(unix.SYS_STATMOUNT, uintptr(unsafe.Pointer(&r)), uintptr(unsafe.Pointer(unsafe.SliceData(buffer))), uintptr(8*len(buffer)), 0, 0, 0)
	if errno != 0 {
		return nil, errno
	}
	return (*mountAnswer)(unsafe.Pointer(unsafe.SliceData(buffer))), nil
}

// text is one of the texts of an answer in buffer.
func text(buffer []uint64, offset uint32) string {
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(buffer))), 8*len(buffer))
	return unix.ByteSliceToString(bytes[min(answerSize+int(offset), len(bytes)):])
}

// fuseMagic is FUSE_SUPER_MAGIC of linux/magic.h.
const fuseMagic = 0x65735546

// connectionOf returns the number of the FUSE connection behind a mount, 0 if there is none.
func connectionOf(id uint64) int {
	var buffer [unsafe.Sizeof(mountAnswer{}) / 8]uint64
	a, err := statmount(id, tellSuper, buffer[:])
	if err != nil || a.major != 0 || a.magic != fuseMagic { // or it is gone
		return 0
	}
	return int(a.minor)
}
