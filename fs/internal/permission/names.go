package permission

import "github.com/hanwen/go-fuse/v2/fuse"

// What uses the names of a directory, or changes them.

// forget keeps the kernel from remembering a name and what it stands for.
func forget(out *fuse.EntryOut) {
	out.SetEntryTimeout(0)
	out.SetAttrTimeout(0)
}

// mayChange reports whether the names in a directory may be changed.
func (c checked) mayChange(cancel <-chan struct{}, request *fuse.InHeader, dir uint64) fuse.Status {
	return c.may(cancel, request, dir, write|execute)
}

func (c checked) Lookup(cancel <-chan struct{}, in *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	if status := c.may(cancel, in, in.NodeId, execute); !status.Ok() {
		return status
	}
	status := c.RawFileSystem.Lookup(cancel, in, name, out)
	forget(out)
	return status
}

func (c checked) Mknod(cancel <-chan struct{}, in *fuse.MknodIn, name string, out *fuse.EntryOut) fuse.Status {
	if status := c.mayChange(cancel, &in.InHeader, in.NodeId); !status.Ok() {
		return status
	}
	status := c.RawFileSystem.Mknod(cancel, in, name, out)
	forget(out)
	return status
}

func (c checked) Mkdir(cancel <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	if status := c.mayChange(cancel, &in.InHeader, in.NodeId); !status.Ok() {
		return status
	}
	status := c.RawFileSystem.Mkdir(cancel, in, name, out)
	forget(out)
	return status
}

func (c checked) Symlink(cancel <-chan struct{}, in *fuse.InHeader, target, name string, out *fuse.EntryOut) fuse.Status {
	if status := c.mayChange(cancel, in, in.NodeId); !status.Ok() {
		return status
	}
	status := c.RawFileSystem.Symlink(cancel, in, target, name, out)
	forget(out)
	return status
}

func (c checked) Link(cancel <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	if status := c.mayChange(cancel, &in.InHeader, in.NodeId); !status.Ok() {
		return status
	}
	status := c.RawFileSystem.Link(cancel, in, name, out)
	forget(out)
	return status
}

func (c checked) Create(cancel <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	if status := c.mayChange(cancel, &in.InHeader, in.NodeId); !status.Ok() {
		return status
	}
	status := c.RawFileSystem.Create(cancel, in, name, out)
	forget(&out.EntryOut)
	return status
}

func (c checked) Tmpfile(cancel <-chan struct{}, in *fuse.CreateIn, out *fuse.CreateOut) fuse.Status {
	if status := c.mayChange(cancel, &in.InHeader, in.NodeId); !status.Ok() {
		return status
	}
	status := c.RawFileSystem.Tmpfile(cancel, in, out)
	forget(&out.EntryOut)
	return status
}

func (c checked) Unlink(cancel <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	if status := c.mayChange(cancel, in, in.NodeId); !status.Ok() {
		return status
	}
	return c.RawFileSystem.Unlink(cancel, in, name)
}

func (c checked) Rmdir(cancel <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	if status := c.mayChange(cancel, in, in.NodeId); !status.Ok() {
		return status
	}
	return c.RawFileSystem.Rmdir(cancel, in, name)
}

func (c checked) Rename(cancel <-chan struct{}, in *fuse.RenameIn, name, newName string) fuse.Status {
	for _, dir := range []uint64{in.NodeId, in.Newdir} {
		if status := c.mayChange(cancel, &in.InHeader, dir); !status.Ok() {
			return status
		}
	}
	return c.RawFileSystem.Rename(cancel, in, name, newName)
}
