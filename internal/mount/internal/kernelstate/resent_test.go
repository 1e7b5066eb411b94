//go:build linux

package kernelstate

import (
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"
)

// names is a file system of one directory, in which names go and come.
type oneDirectory struct {
	*strict
	modes map[string]uint32
}

func (d oneDirectory) Unlink(_ cancel, _ *fuse.InHeader, name string) status {
	if _, ok := d.modes[name]; !ok {
		return fuse.ENOENT
	}
	delete(d.modes, name)
	return fuse.OK
}

func (d oneDirectory) Rmdir(c cancel, h *fuse.InHeader, name string) status {
	return d.Unlink(c, h, name)
}

func (d oneDirectory) Rename(_ cancel, _ *fuse.RenameIn, from, to string) status {
	mode, ok := d.modes[from]
	if !ok {
		return fuse.ENOENT
	}
	delete(d.modes, from)
	d.modes[to] = mode
	return fuse.OK
}

func (d oneDirectory) Mkdir(c cancel, in *fuse.MkdirIn, name string, out *fuse.EntryOut) status {
	if _, ok := d.modes[name]; ok {
		return fuse.Status(syscall.EEXIST)
	}
	d.modes[name] = syscall.S_IFDIR
	return d.Lookup(c, &in.InHeader, name, out)
}

func (d oneDirectory) Lookup(_ cancel, _ *fuse.InHeader, name string, out *fuse.EntryOut) status {
	mode, ok := d.modes[name]
	if !ok {
		return fuse.ENOENT
	}
	out.NodeId, out.Mode = file, mode
	d.looked[file]++
	return fuse.OK
}

// A request that a killed process may have carried out is answered by what is so now: a
// name that is gone was removed. That the new name of a rename is there says nothing, as it
// may have been there before. Asked for the first time, the same is an error.
func TestRequestsThatAreSentAgain(t *testing.T) {
	const first, again = 5, 1<<63 | 5
	for _, c := range []struct {
		name  string
		there map[string]uint32
		ask   func(f *FS, header fuse.InHeader) fuse.Status
		first fuse.Status
		again fuse.Status
	}{
		{"removed", nil, unlink, fuse.ENOENT, fuse.OK},
		{"not yet removed", map[string]uint32{"a": syscall.S_IFREG}, unlink, fuse.OK, fuse.OK},
		{"directory removed", nil, rmdir, fuse.ENOENT, fuse.OK},
		{"renamed, or the old name is lost", map[string]uint32{"b": syscall.S_IFREG}, rename, fuse.ENOENT, fuse.EIO},
		{"not yet renamed", map[string]uint32{"a": syscall.S_IFREG}, rename, fuse.OK, fuse.OK},
		{"neither name is there", nil, rename, fuse.ENOENT, fuse.ENOENT},
		{"directory made", map[string]uint32{"a": syscall.S_IFDIR}, mkdir, fuse.Status(syscall.EEXIST), fuse.OK},
		{"a file is there", map[string]uint32{"a": syscall.S_IFREG}, mkdir, fuse.Status(syscall.EEXIST), fuse.Status(syscall.EEXIST)},
		{"not yet made", nil, mkdir, fuse.OK, fuse.OK},
		{"cut by its name", nil, truncate, fuse.OK, fuse.EIO},
	} {
		t.Run(c.name, func(t *testing.T) {
			for unique, want := range map[uint64]fuse.Status{first: c.first, again: c.again} {
				there := map[string]uint32{}
				for name, mode := range c.there {
					there[name] = mode
				}
				below := oneDirectory{newStrict(t, names), there}
				f := New(below, nil, nil, silent)
				require.Equal(t, want, c.ask(f, fuse.InHeader{NodeId: 1, Unique: unique}), "%x", unique)
				known := uint64(0)
				if f.count(file).kernel > 0 {
					known = 1
				}
				require.Equal(t, known, below.looked[file], "what was only looked at is forgotten")
			}
		})
	}
}

func unlink(f *FS, h fuse.InHeader) fuse.Status { return f.Unlink(nil, &h, "a") }
func rmdir(f *FS, h fuse.InHeader) fuse.Status  { return f.Rmdir(nil, &h, "a") }

func rename(f *FS, h fuse.InHeader) fuse.Status {
	return f.Rename(nil, &fuse.RenameIn{InHeader: h, Newdir: 1}, "a", "b")
}

func mkdir(f *FS, h fuse.InHeader) fuse.Status {
	var out fuse.EntryOut
	return f.Mkdir(nil, &fuse.MkdirIn{InHeader: h}, "a", &out)
}

func truncate(f *FS, h fuse.InHeader) fuse.Status {
	in := &fuse.SetAttrIn{}
	in.InHeader, in.Valid = h, fuse.FATTR_SIZE
	return f.SetAttr(nil, in, &fuse.AttrOut{})
}
