package fs

import (
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// FailOutdatedGetattr returns the file system as the kernel is to see it. For who reads on
// through its cache the kernel decides by the file's size where the end is, and
// while somebody else writes that can be 0: it passes over an answer if it has
// learnt something else since it asked. It does not pass over an error. So who has
// an outdated version open gets that, when the kernel asks for the size on behalf
// of a handle (FUSE_GETATTR_FH), which it does only to read on and to seek.
func FailOutdatedGetattr(raw fuse.RawFileSystem) fuse.RawFileSystem { return getattrOutdated{raw} }

type getattrOutdated struct{ fuse.RawFileSystem }

func (g getattrOutdated) GetAttr(cancel <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	if in.Flags()&fuse.FUSE_GETATTR_FH != 0 {
		var where fuse.LseekOut
		handle := &fuse.LseekIn{InHeader: in.InHeader, Fh: in.Fh(), Whence: unix.SEEK_DATA}
		if status := g.RawFileSystem.Lseek(cancel, handle, &where); status == fuse.Status(syscall.ESTALE) {
			return status
		}
	}
	return g.RawFileSystem.GetAttr(cancel, in, out)
}
