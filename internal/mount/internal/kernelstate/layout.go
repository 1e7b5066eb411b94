package kernelstate

import (
	"encoding/binary"
	"unsafe"

	"github.com/hanwen/go-fuse/v2/fuse"
)

var native = binary.NativeEndian

// Where in an entry of READDIRPLUS is what: struct fuse_direntplus of linux/fuse.h is
// a fuse_entry_out, which begins with the node id, and a fuse_dirent: inode, offset,
// length of the name, type, name.
const (
	direntAt   = int(unsafe.Sizeof(fuse.EntryOut{}))
	direntLen  = 16
	direntName = 24
)
