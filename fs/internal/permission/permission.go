// Package permission checks what each request wants to do against owner, group and
// mode of the files, for a mount of which the kernel checks nothing: one that
// somebody else has made, perhaps without default_permissions. [Check] wraps the file
// system, as the kernel is to see it:
//
//	raw = permission.Check(fusefs.NewNodeFS(root, options))
//
// The rules are those of the kernel: owner, else group, else others; the names in a
// directory want its x bit, a change of them w as well; root may do everything. The
// owner, groups and modes are those that GETATTR tells. A check is made when
// something is opened and not when it is read.
//
// As the kernel asks nobody about a name that it remembers, it is told to remember
// none: each path is walked for whoever walks it. So the wrapped file system must
// answer OPEN and must not be listed with READDIRPLUS.
package permission

import (
	"slices"
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/caller"
)

// Check returns raw with its requests checked.
func Check(raw fuse.RawFileSystem) fuse.RawFileSystem { return checked{raw} }

type checked struct{ fuse.RawFileSystem }

// The bits of what somebody wants to do, as those of others in a mode.
const (
	execute = 1 << iota // of a directory: use its names
	write
	read
)

// may reports whether who makes the request may do with its node what is wanted:
// OK, EACCES, or why that cannot be found out.
func (c checked) may(cancel <-chan struct{}, request *fuse.InHeader, node uint64, want uint32) fuse.Status {
	if request.Uid == 0 || want == 0 {
		return fuse.OK
	}
	attr, status := c.attr(cancel, request, node)
	if status.Ok() && !allows(&attr, request.Caller, want) {
		return fuse.EACCES
	}
	return status
}

// attr asks for a node's attributes.
func (c checked) attr(cancel <-chan struct{}, request *fuse.InHeader, node uint64) (fuse.Attr, fuse.Status) {
	in := fuse.GetAttrIn{InHeader: *request}
	in.NodeId = node
	var out fuse.AttrOut
	status := c.RawFileSystem.GetAttr(cancel, &in, &out)
	return out.Attr, status
}

// allows reports whether a file of those attributes lets somebody do what is wanted.
func allows(attr *fuse.Attr, who fuse.Caller, want uint32) bool {
	bits := attr.Mode
	switch {
	case who.Uid == attr.Uid:
		bits >>= 6
	case bits>>3&want == bits&want: // the group makes no difference
	case inGroup(who, attr.Gid):
		bits >>= 3
	}
	return bits&want == want
}

// inGroup reports whether somebody is in a group, by the request or by /proc.
func inGroup(who fuse.Caller, gid uint32) bool {
	return who.Gid == gid || slices.Contains(caller.Groups(who.Pid), gid)
}

// wanted is what opening with these flags wants to do.
func wanted(flags uint32) (want uint32) {
	switch flags & syscall.O_ACCMODE {
	case syscall.O_RDONLY:
		want = read
	case syscall.O_WRONLY:
		want = write
	default:
		want = read | write
	}
	if flags&syscall.O_TRUNC != 0 {
		want |= write
	}
	return want
}

func (c checked) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if status := c.may(cancel, &in.InHeader, in.NodeId, wanted(in.Flags)); !status.Ok() {
		return status
	}
	return c.RawFileSystem.Open(cancel, in, out)
}

func (c checked) OpenDir(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if status := c.may(cancel, &in.InHeader, in.NodeId, read); !status.Ok() {
		return status
	}
	return c.RawFileSystem.OpenDir(cancel, in, out)
}

// ReadDirPlus would tell the attributes of what may be listed and not entered.
func (c checked) ReadDirPlus(<-chan struct{}, *fuse.ReadIn, *fuse.DirEntryList) fuse.Status {
	return fuse.ENOSYS
}

// Access is access(2) and chdir(2).
func (c checked) Access(cancel <-chan struct{}, in *fuse.AccessIn) fuse.Status {
	return c.may(cancel, &in.InHeader, in.NodeId, in.Mask&(read|write|execute))
}

// GetXAttr leaves attributes that are not of users to the file system: a check would
// have ls complain about access lists that do not exist.
func (c checked) GetXAttr(cancel <-chan struct{}, in *fuse.InHeader, name string, dest []byte) (uint32, fuse.Status) {
	if strings.HasPrefix(name, "user.") {
		if status := c.may(cancel, in, in.NodeId, read); !status.Ok() {
			return 0, status
		}
	}
	return c.RawFileSystem.GetXAttr(cancel, in, name, dest)
}

func (c checked) SetXAttr(cancel <-chan struct{}, in *fuse.SetXAttrIn, name string, data []byte) fuse.Status {
	if status := c.may(cancel, &in.InHeader, in.NodeId, write); !status.Ok() {
		return status
	}
	return c.RawFileSystem.SetXAttr(cancel, in, name, data)
}

func (c checked) RemoveXAttr(cancel <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	if status := c.may(cancel, in, in.NodeId, write); !status.Ok() {
		return status
	}
	return c.RawFileSystem.RemoveXAttr(cancel, in, name)
}

func (c checked) GetAttr(cancel <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	status := c.RawFileSystem.GetAttr(cancel, in, out)
	out.SetTimeout(0)
	return status
}

func (c checked) SetAttr(cancel <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	if status := c.maySetattr(cancel, in); !status.Ok() {
		return status
	}
	status := c.RawFileSystem.SetAttr(cancel, in, out)
	out.SetTimeout(0)
	return status
}

// maySetattr has the rules of chmod, chown, truncate and utimensat.
func (c checked) maySetattr(cancel <-chan struct{}, in *fuse.SetAttrIn) fuse.Status {
	who := in.InHeader.Caller
	if who.Uid == 0 {
		return fuse.OK
	}
	attr, status := c.attr(cancel, &in.InHeader, in.NodeId)
	if !status.Ok() {
		return status
	}
	owns, writes := who.Uid == attr.Uid, allows(&attr, who, write)
	if uid, ok := in.GetUID(); ok && (!owns || uid != attr.Uid) {
		return fuse.EPERM
	}
	if gid, ok := in.GetGID(); ok && (!owns || gid != attr.Gid && !inGroup(who, gid)) {
		return fuse.EPERM
	}
	if in.Valid&fuse.FATTR_MODE != 0 && !owns {
		return fuse.EPERM
	}
	// Of an open file its handle says that it may be written.
	if in.Valid&fuse.FATTR_SIZE != 0 && in.Valid&fuse.FATTR_FH == 0 && !writes {
		return fuse.EACCES
	}
	const now = fuse.FATTR_ATIME_NOW | fuse.FATTR_MTIME_NOW
	switch {
	case owns || in.Valid&(fuse.FATTR_ATIME|fuse.FATTR_MTIME) == 0:
	case in.Valid&now != now:
		return fuse.EPERM
	case !writes:
		return fuse.EACCES
	}
	return fuse.OK
}
