package kernelstate

import "github.com/hanwen/go-fuse/v2/fuse"

// The requests that name handles: those that only look, those that change a text or
// settle it, and the end of a handle.

// looks puts the number that the nodes below know in the place of the kernel's.
func (f *FS) looks(cancel <-chan struct{}, node uint64, handle *uint64) (status fuse.Status) {
	if status := f.node(cancel, node); !status.Ok() {
		return status
	}
	*handle, status = f.handle(cancel, *handle)
	return status
}

// changes is looks for what must not be taken for done if it may be lost.
func (f *FS) changes(cancel <-chan struct{}, node uint64, handle *uint64) (status fuse.Status) {
	if *handle, status = f.writing(cancel, *handle); !status.Ok() {
		return status
	}
	return f.node(cancel, node)
}

func (f *FS) GetAttr(cancel <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	if in.Flags()&fuse.FUSE_GETATTR_FH != 0 {
		if status := f.looks(cancel, in.NodeId, handleOf(in)); !status.Ok() {
			return status
		}
	} else if status := f.node(cancel, in.NodeId); !status.Ok() {
		return status
	}
	return f.RawFileSystem.GetAttr(cancel, in, out)
}

func (f *FS) Statx(cancel <-chan struct{}, in *fuse.StatxIn, out *fuse.StatxOut) fuse.Status {
	if in.GetattrFlags&fuse.FUSE_GETATTR_FH != 0 {
		if status := f.looks(cancel, in.NodeId, &in.Fh); !status.Ok() {
			return status
		}
	} else if status := f.node(cancel, in.NodeId); !status.Ok() {
		return status
	}
	return f.RawFileSystem.Statx(cancel, in, out)
}

func (f *FS) Read(cancel <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	if status := f.page(cancel, in); !status.Ok() {
		return nil, status
	}
	return f.RawFileSystem.Read(cancel, in, buf)
}

func (f *FS) Lseek(cancel <-chan struct{}, in *fuse.LseekIn, out *fuse.LseekOut) fuse.Status {
	if status := f.looks(cancel, in.NodeId, &in.Fh); !status.Ok() {
		return status
	}
	return f.RawFileSystem.Lseek(cancel, in, out)
}

func (f *FS) Ioctl(cancel <-chan struct{}, in *fuse.IoctlIn, inbuf []byte, out *fuse.IoctlOut, outbuf []byte) fuse.Status {
	if status := f.looks(cancel, in.NodeId, &in.Fh); !status.Ok() {
		return status
	}
	return f.RawFileSystem.Ioctl(cancel, in, inbuf, out, outbuf)
}

func (f *FS) GetLk(cancel <-chan struct{}, in *fuse.LkIn, out *fuse.LkOut) fuse.Status {
	if status := f.looks(cancel, in.NodeId, &in.Fh); !status.Ok() {
		return status
	}
	return f.RawFileSystem.GetLk(cancel, in, out)
}

func (f *FS) SetLk(cancel <-chan struct{}, in *fuse.LkIn) fuse.Status {
	if status := f.looks(cancel, in.NodeId, &in.Fh); !status.Ok() {
		return status
	}
	return f.RawFileSystem.SetLk(cancel, in)
}

func (f *FS) SetLkw(cancel <-chan struct{}, in *fuse.LkIn) fuse.Status {
	if status := f.looks(cancel, in.NodeId, &in.Fh); !status.Ok() {
		return status
	}
	return f.RawFileSystem.SetLkw(cancel, in)
}

func (f *FS) ReadDir(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	number := in.Fh
	if status := f.looks(cancel, in.NodeId, &in.Fh); !status.Ok() {
		return status
	}
	status := f.RawFileSystem.ReadDir(cancel, in, out)
	f.shown(number)
	return status
}

func (f *FS) ReadDirPlus(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	number := in.Fh
	if status := f.looks(cancel, in.NodeId, &in.Fh); !status.Ok() {
		return status
	}
	status := f.RawFileSystem.ReadDirPlus(cancel, in, out)
	f.listed(in.NodeId, out.Bytes())
	f.shown(number)
	return status
}

func (f *FS) FsyncDir(cancel <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	if status := f.looks(cancel, in.NodeId, &in.Fh); !status.Ok() {
		return status
	}
	return f.RawFileSystem.FsyncDir(cancel, in)
}

func (f *FS) SetAttr(cancel <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	if in.Valid&fuse.FATTR_FH != 0 {
		if status := f.changes(cancel, in.NodeId, &in.Fh); !status.Ok() {
			return status
		}
	} else if status := f.node(cancel, in.NodeId); !status.Ok() {
		return status
	}
	if in.Valid&fuse.FATTR_SIZE != 0 && wasSent(&in.InHeader) {
		return fuse.EIO // to cut once more could cut what somebody else has written since
	}
	return f.RawFileSystem.SetAttr(cancel, in, out)
}

func (f *FS) Write(cancel <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	if status := f.changes(cancel, in.NodeId, &in.Fh); !status.Ok() {
		return 0, status
	}
	return f.RawFileSystem.Write(cancel, in, data)
}

func (f *FS) Writev(cancel <-chan struct{}, in *fuse.WriteIn, data [][]byte) (uint32, fuse.Status) {
	if status := f.changes(cancel, in.NodeId, &in.Fh); !status.Ok() {
		return 0, status
	}
	return f.RawFileSystem.Writev(cancel, in, data)
}

func (f *FS) CopyFileRange(cancel <-chan struct{}, in *fuse.CopyFileRangeIn) (uint32, fuse.Status) {
	if status := f.looks(cancel, in.NodeId, &in.FhIn); !status.Ok() {
		return 0, status
	}
	if status := f.changes(cancel, in.NodeIdOut, &in.FhOut); !status.Ok() {
		return 0, status
	}
	return f.RawFileSystem.CopyFileRange(cancel, in)
}

func (f *FS) Flush(cancel <-chan struct{}, in *fuse.FlushIn) fuse.Status {
	if status := f.changes(cancel, in.NodeId, &in.Fh); !status.Ok() {
		return status
	}
	return f.RawFileSystem.Flush(cancel, in)
}

func (f *FS) Fsync(cancel <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	if status := f.changes(cancel, in.NodeId, &in.Fh); !status.Ok() {
		return status
	}
	return f.RawFileSystem.Fsync(cancel, in)
}

func (f *FS) Fallocate(cancel <-chan struct{}, in *fuse.FallocateIn) fuse.Status {
	if status := f.changes(cancel, in.NodeId, &in.Fh); !status.Ok() {
		return status
	}
	return f.RawFileSystem.Fallocate(cancel, in)
}

func (f *FS) Release(cancel <-chan struct{}, in *fuse.ReleaseIn) {
	number, known := f.released(in.Fh)
	if known && f.node(cancel, in.NodeId).Ok() {
		in.Fh = number
		f.RawFileSystem.Release(cancel, in)
	}
}

func (f *FS) ReleaseDir(in *fuse.ReleaseIn) {
	number, known := f.released(in.Fh)
	if known && f.node(nil, in.NodeId).Ok() {
		in.Fh = number
		f.RawFileSystem.ReleaseDir(in)
	}
}
