package kernelstate

import (
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// A process that is killed has read requests that it has not answered. The kernel sends
// them again to the next one (FUSE_NOTIFY_RESEND), with a mark: nobody knows whether they
// were carried out. What only looks is answered as any other request. Of what changes
// something the state of now tells, which is the server's: who asked that a name goes is
// told that it is gone, not that it was never there. Where it does not tell, the answer is
// EIO. Text that was handed to the process is lost with it, which is an error of its handle,
// see writing.

// wasSent reports whether the request may have been carried out already.
func wasSent(header *fuse.InHeader) bool { return header.Unique>>63 != 0 }

// gone is what becomes of the removal of a name.
func gone(header *fuse.InHeader, status fuse.Status) fuse.Status {
	if status == fuse.ENOENT && wasSent(header) {
		return fuse.OK
	}
	return status
}

// made is what becomes of MKDIR: what is there now is what was asked for, if it is a
// directory.
func (f *FS) made(cancel <-chan struct{}, header *fuse.InHeader, name string, status fuse.Status, out *fuse.EntryOut) fuse.Status {
	if status != fuse.Status(syscall.EEXIST) || !wasSent(header) {
		return status
	}
	if found := f.RawFileSystem.Lookup(cancel, header, name, out); !found.Ok() || out.NodeId == 0 {
		return status
	}
	if out.Mode&syscall.S_IFMT != syscall.S_IFDIR {
		f.RawFileSystem.Forget(out.NodeId, 1)
		return status
	}
	return fuse.OK
}

// moved is what becomes of RENAME: if the old name is not there and the new one is, nobody
// knows whether it was done. What had the new name may be what was to be replaced, and the
// old one a temporary file that only the dead process had, as where an editor saves.
func (f *FS) moved(cancel <-chan struct{}, in *fuse.RenameIn, oldName, newName string, status fuse.Status) fuse.Status {
	if status.Ok() || !wasSent(&in.InHeader) {
		return status
	}
	to := in.InHeader
	to.NodeId = in.Newdir
	if f.peek(cancel, &in.InHeader, oldName) == fuse.ENOENT && f.peek(cancel, &to, newName).Ok() {
		return fuse.EIO
	}
	return status
}

// peek looks a name up for nobody. A negative answer is ENOENT.
func (f *FS) peek(cancel <-chan struct{}, header *fuse.InHeader, name string) fuse.Status {
	var out fuse.EntryOut
	status := f.RawFileSystem.Lookup(cancel, header, name, &out)
	switch {
	case !status.Ok():
		return status
	case out.NodeId == 0:
		return fuse.ENOENT
	}
	f.RawFileSystem.Forget(out.NodeId, 1)
	return fuse.OK
}
