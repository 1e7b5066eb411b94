package notifier

import "encoding/binary"

// The bytes of a notification, as linux/fuse.h has them: a header (struct
// fuse_out_header), a body that depends on the code (struct fuse_notify_..._out), and
// for those about a name the name with a zero byte. Numbers are in the machine's
// order.
var native = binary.NativeEndian

// Codes of notifications (enum fuse_notify_code).
const (
	invalidateInode = 2 // FUSE_NOTIFY_INVAL_INODE
	invalidateEntry = 3 // FUSE_NOTIFY_INVAL_ENTRY
	deleteEntry     = 6 // FUSE_NOTIFY_DELETE
)

// headerSize is the length of struct fuse_out_header.
const headerSize = 16

// message puts the header before a body: the length of both, the code where an answer
// has its error, and 0 where an answer has the number of its request.
func message(code uint32, body []byte) []byte {
	text := native.AppendUint32(nil, uint32(headerSize+len(body)))
	text = native.AppendUint32(text, code)
	return append(native.AppendUint64(text, 0), body...)
}

// inodeMessage has the kernel forget length bytes from off of an inode's content, 0
// being all that follow, and its attributes; with a negative off only the attributes.
func inodeMessage(node uint64, off, length int64) []byte {
	body := native.AppendUint64(nil, node)
	body = native.AppendUint64(body, uint64(off))
	return message(invalidateInode, native.AppendUint64(body, uint64(length)))
}

// entryMessage has the kernel forget what a name in a directory leads to.
func entryMessage(parent uint64, name string) []byte {
	return message(invalidateEntry, appendName(native.AppendUint64(nil, parent), name))
}

// deleteMessage tells the kernel that child, which had the name, is no longer there.
func deleteMessage(parent, child uint64, name string) []byte {
	body := native.AppendUint64(nil, parent)
	return message(deleteEntry, appendName(native.AppendUint64(body, child), name))
}

// appendName adds the length of a name, no flags, and the name.
func appendName(body []byte, name string) []byte {
	body = native.AppendUint32(body, uint32(len(name)))
	body = native.AppendUint32(body, 0)
	return append(append(body, name...), 0)
}
