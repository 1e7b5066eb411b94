package kernelstate

import (
	"encoding/binary"
	"iter"
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

// entriesOf returns the ids and names of the nodes in an answer to READDIRPLUS: one entry
// after the other, each with what a LOOKUP would say, and a name that is padded to 8
// bytes. Those that the kernel does not count are left out: . and .., and what could not
// be looked up.
func entriesOf(entries []byte) iter.Seq2[uint64, []byte] {
	return func(yield func(uint64, []byte) bool) {
		for len(entries) >= direntAt+direntName {
			length := int(native.Uint32(entries[direntAt+direntLen:]))
			name := entries[direntAt+direntName : min(len(entries), direntAt+direntName+length)]
			if id := native.Uint64(entries); id != 0 && !yield(id, name) {
				return
			}
			entries = entries[min(len(entries), (direntAt+direntName+length+7)&^7):]
		}
	}
}
