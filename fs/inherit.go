package fs

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/secret"
)

// What a process says of an open file or directory to one that goes on serving its
// mount, and how that one opens it again. The kernel sends none of these numbers.
const (
	// LseekVersion in place of SEEK_DATA asks which version a handle shows. The offset
	// that goes with it is mixed into the answer, a fingerprint: two handles, of two
	// processes even, that answer the same show the same bytes, or the same names. The
	// errors are EACCES for what was taken away, ENODATA for a directory that nothing
	// was read of, and others for what has no version that another process could have.
	LseekVersion uint32 = 1 << 16
	// LseekVersionNow is LseekVersion, for which a directory is read first.
	LseekVersionNow uint32 = 1<<16 + 1
	// OpenCached among the flags of an open says that the kernel may have pages of the
	// version that is opened, and shows them.
	OpenCached uint32 = 1 << 31
)

// inherited reports whether the kernel may know a node from a process before this one.
func (f *FS) inherited(id fusefs.StableAttr) bool {
	return f.cfg.Inherited != nil && f.cfg.Inherited(id.Ino)
}

// newFileInode makes the node of the directory's secret of that name.
func (d *dir) newFileInode(ctx context.Context, name string, id fusefs.StableAttr) *fusefs.Inode {
	n := d.newFile(name)
	if d.fs.inherited(id) {
		n.pages.Inherit()
	}
	return d.NewInode(ctx, n, id)
}

// newDirInode makes the node of the directory's folder of that name.
func (d *dir) newDirInode(ctx context.Context, name string, id fusefs.StableAttr) *fusefs.Inode {
	n := d.newDir(name)
	if d.fs.inherited(id) {
		n.pages.Inherit()
	}
	return d.NewInode(ctx, n, id)
}

// print makes the answer to [LseekVersion].
type print struct{ hash.Hash }

func newPrint(salt uint64) print {
	p := print{sha256.New()}
	p.number(salt)
	return p
}

func (p print) number(n uint64) { p.Write(binary.BigEndian.AppendUint64(nil, n)) }

// text has its length in front, so that two in a row cannot be cut elsewhere.
func (p print) text(s string) {
	p.number(uint64(len(s)))
	p.Write([]byte(s))
}

// value goes through a buffer that is wiped.
func (p print) value(v secret.Value) {
	p.number(uint64(v.Len()))
	buf := make([]byte, 4096)
	defer clear(buf)
	for off := 0; off < v.Len(); {
		n := v.CopyAt(buf, int64(off))
		p.Write(buf[:n])
		off += n
	}
}

// answer fits an offset, which has no sign.
func (p print) answer() (uint64, syscall.Errno) {
	return binary.BigEndian.Uint64(p.Sum(nil)) >> 1, 0
}

func asksVersion(whence uint32) bool { return whence == LseekVersion || whence == LseekVersionNow }

// version is the answer for an open secret.
func (h *handle) version(s *secret.Secret, salt uint64) (uint64, syscall.Errno) {
	if h.apart {
		return 0, syscall.ESTALE
	}
	p := newPrint(salt)
	p.text(s.ID)
	p.number(uint64(s.Version))
	p.value(s.Value)
	return p.answer()
}

// Lseek answers [LseekVersion], and nothing else is asked of directories.
func (l *listing) Lseek(ctx context.Context, salt uint64, whence uint32) (uint64, syscall.Errno) {
	switch {
	case !asksVersion(whence):
		return 0, syscall.EINVAL
	case !l.loaded && whence == LseekVersion:
		return 0, syscall.Errno(fuse.ENOATTR) // ENODATA on Linux
	case !l.loaded:
		if errno := l.load(ctx); errno != 0 {
			return 0, errno
		}
	}
	if l.snap.Load() == nil {
		return 0, syscall.EACCES
	}
	p := newPrint(salt)
	for _, e := range l.entries {
		p.number(e.Ino)
		p.number(uint64(e.Mode))
		p.text(e.Name)
	}
	return p.answer()
}
