package fs

import (
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// GuardPages returns the file system as the kernel is to see it: what go-fuse does not
// tell nodes of a request decides here whether somebody would be shown a mixture of versions.
func GuardPages(raw fuse.RawFileSystem) fuse.RawFileSystem { return guarded{raw} }

type guarded struct{ fuse.RawFileSystem }

// GetAttr fails for who has an outdated version open. For who reads on
// through its cache the kernel decides by the file's size where the end is, and
// while somebody else writes that can be 0: it passes over an answer if it has
// learnt something else since it asked. It does not pass over an error. So that is what
// it gets when it asks for the size on behalf
// of a handle (FUSE_GETATTR_FH), which it does only to read on and to seek.
func (g guarded) GetAttr(cancel <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	if in.Flags()&fuse.FUSE_GETATTR_FH != 0 {
		if status := g.ask(cancel, in.InHeader, in.Fh(), unix.SEEK_DATA); status == fuse.Status(syscall.ESTALE) {
			return status
		}
	}
	return g.RawFileSystem.GetAttr(cancel, in, out)
}

// Read fails where a page would get bytes that somebody else may not be shown.
func (g guarded) Read(cancel <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	if FillsPage(in) && g.ask(cancel, in.InHeader, in.Fh, lseekFill) == fuse.Status(errFill) {
		return nil, fuse.EINVAL
	}
	return g.RawFileSystem.Read(cancel, in, buf)
}

// ask asks an open file.
func (g guarded) ask(cancel <-chan struct{}, header fuse.InHeader, handle uint64, what uint32) fuse.Status {
	var where fuse.LseekOut
	return g.RawFileSystem.Lseek(cancel, &fuse.LseekIn{InHeader: header, Fh: handle, Whence: what}, &where)
}
