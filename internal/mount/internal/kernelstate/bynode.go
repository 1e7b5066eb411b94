package kernelstate

import "github.com/hanwen/go-fuse/v2/fuse"

// The requests that name nodes, and no handle.

func (f *FS) Lookup(cancel <-chan struct{}, header *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	if status := f.node(cancel, header.NodeId); !status.Ok() {
		return status
	}
	status := f.RawFileSystem.Lookup(cancel, header, name, out)
	f.looked(status, header.NodeId, name, out.NodeId)
	return status
}

func (f *FS) Mknod(cancel <-chan struct{}, in *fuse.MknodIn, name string, out *fuse.EntryOut) fuse.Status {
	if status := f.node(cancel, in.NodeId); !status.Ok() {
		return status
	}
	status := f.RawFileSystem.Mknod(cancel, in, name, out)
	f.looked(status, in.NodeId, name, out.NodeId)
	return status
}

func (f *FS) Mkdir(cancel <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	if status := f.node(cancel, in.NodeId); !status.Ok() {
		return status
	}
	status := f.made(cancel, &in.InHeader, name, f.RawFileSystem.Mkdir(cancel, in, name, out), out)
	f.looked(status, in.NodeId, name, out.NodeId)
	return status
}

func (f *FS) Symlink(cancel <-chan struct{}, header *fuse.InHeader, target, name string, out *fuse.EntryOut) fuse.Status {
	if status := f.node(cancel, header.NodeId); !status.Ok() {
		return status
	}
	status := f.RawFileSystem.Symlink(cancel, header, target, name, out)
	f.looked(status, header.NodeId, name, out.NodeId)
	return status
}

func (f *FS) Link(cancel <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	if status := f.nodes(cancel, in.NodeId, in.Oldnodeid); !status.Ok() {
		return status
	}
	status := f.RawFileSystem.Link(cancel, in, name, out)
	f.looked(status, in.NodeId, name, out.NodeId)
	return status
}

func (f *FS) Create(cancel <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	if status := f.node(cancel, in.NodeId); !status.Ok() {
		return status
	}
	status := f.RawFileSystem.Create(cancel, in, name, out)
	f.looked(status, in.NodeId, name, out.NodeId)
	f.open(status, out.NodeId, in.Flags, false, &out.OpenOut)
	return status
}

func (f *FS) Tmpfile(cancel <-chan struct{}, in *fuse.CreateIn, out *fuse.CreateOut) fuse.Status {
	if status := f.node(cancel, in.NodeId); !status.Ok() {
		return status
	}
	status := f.RawFileSystem.Tmpfile(cancel, in, out)
	f.looked(status, in.NodeId, "", out.NodeId)
	f.open(status, out.NodeId, in.Flags, false, &out.OpenOut)
	return status
}

func (f *FS) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if status := f.node(cancel, in.NodeId); !status.Ok() {
		return status
	}
	status := f.RawFileSystem.Open(cancel, in, out)
	f.open(status, in.NodeId, in.Flags, false, out)
	return status
}

func (f *FS) OpenDir(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if status := f.node(cancel, in.NodeId); !status.Ok() {
		return status
	}
	status := f.RawFileSystem.OpenDir(cancel, in, out)
	f.open(status, in.NodeId, in.Flags, true, out)
	return status
}

func (f *FS) Unlink(cancel <-chan struct{}, header *fuse.InHeader, name string) fuse.Status {
	if status := f.node(cancel, header.NodeId); !status.Ok() {
		return status
	}
	return gone(header, f.RawFileSystem.Unlink(cancel, header, name))
}

func (f *FS) Rmdir(cancel <-chan struct{}, header *fuse.InHeader, name string) fuse.Status {
	if status := f.node(cancel, header.NodeId); !status.Ok() {
		return status
	}
	return gone(header, f.RawFileSystem.Rmdir(cancel, header, name))
}

func (f *FS) Rename(cancel <-chan struct{}, in *fuse.RenameIn, oldName, newName string) fuse.Status {
	if status := f.nodes(cancel, in.NodeId, in.Newdir); !status.Ok() {
		return status
	}
	status := f.RawFileSystem.Rename(cancel, in, oldName, newName)
	return f.moved(cancel, in, oldName, newName, status)
}

func (f *FS) Readlink(cancel <-chan struct{}, header *fuse.InHeader) ([]byte, fuse.Status) {
	if status := f.node(cancel, header.NodeId); !status.Ok() {
		return nil, status
	}
	return f.RawFileSystem.Readlink(cancel, header)
}

func (f *FS) Access(cancel <-chan struct{}, in *fuse.AccessIn) fuse.Status {
	if status := f.node(cancel, in.NodeId); !status.Ok() {
		return status
	}
	return f.RawFileSystem.Access(cancel, in)
}

func (f *FS) GetXAttr(cancel <-chan struct{}, header *fuse.InHeader, attr string, dest []byte) (uint32, fuse.Status) {
	if status := f.node(cancel, header.NodeId); !status.Ok() {
		return 0, status
	}
	return f.RawFileSystem.GetXAttr(cancel, header, attr, dest)
}

func (f *FS) ListXAttr(cancel <-chan struct{}, header *fuse.InHeader, dest []byte) (uint32, fuse.Status) {
	if status := f.node(cancel, header.NodeId); !status.Ok() {
		return 0, status
	}
	return f.RawFileSystem.ListXAttr(cancel, header, dest)
}

func (f *FS) SetXAttr(cancel <-chan struct{}, in *fuse.SetXAttrIn, attr string, data []byte) fuse.Status {
	if status := f.node(cancel, in.NodeId); !status.Ok() {
		return status
	}
	return f.RawFileSystem.SetXAttr(cancel, in, attr, data)
}

func (f *FS) RemoveXAttr(cancel <-chan struct{}, header *fuse.InHeader, attr string) fuse.Status {
	if status := f.node(cancel, header.NodeId); !status.Ok() {
		return status
	}
	return f.RawFileSystem.RemoveXAttr(cancel, header, attr)
}

// StatFs asks the root in the place of a node that is not there any more: the answer
// is about the whole.
func (f *FS) StatFs(cancel <-chan struct{}, header *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	if f.heir && f.count(header.NodeId).below == 0 {
		of := *header
		of.NodeId = fuse.FUSE_ROOT_ID
		header = &of
	}
	return f.RawFileSystem.StatFs(cancel, header, out)
}

// nodes is node for two.
func (f *FS) nodes(cancel <-chan struct{}, a, b uint64) fuse.Status {
	if status := f.node(cancel, a); !status.Ok() {
		return status
	}
	return f.node(cancel, b)
}
