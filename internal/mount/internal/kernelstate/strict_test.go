//go:build linux

package kernelstate

import (
	"sync"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs"
)

// strict is a file system below that complains of every node and handle that it was
// not asked for before, and counts what it is asked. Its nodes have the numbers that
// ids says; where a name is not there, it does not exist.
type strict struct {
	t       *testing.T
	ids     map[string]uint64
	version uint64 // of all that is open
	failing fuse.Status

	mu      sync.Mutex
	looked  map[uint64]uint64
	open    map[uint64]bool
	handles uint64
	calls   map[string]int
}

func newStrict(t *testing.T, ids map[string]uint64) *strict {
	return &strict{t: t, ids: ids, looked: map[uint64]uint64{1: 1}, open: map[uint64]bool{0: true}, calls: map[string]int{}}
}

// at notes a request about nodes and handles.
func (s *strict) at(call string, nodes []uint64, handles ...uint64) fuse.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[call]++
	for _, n := range nodes {
		if s.looked[n] == 0 {
			s.t.Errorf("%s of node %d, which was not looked up", call, n)
		}
	}
	for _, h := range handles {
		if !s.open[h] {
			s.t.Errorf("%s of handle %d, which is not open", call, h)
		}
	}
	return s.failing
}

func (s *strict) lookup(call, name string, parent uint64, out *fuse.EntryOut) fuse.Status {
	if status := s.at(call, []uint64{parent}); !status.Ok() {
		return status
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id, ok := s.ids[name]
	if !ok {
		return fuse.ENOENT
	}
	s.looked[id]++
	out.NodeId = id
	return fuse.OK
}

func (s *strict) opens(call string, node uint64, out *fuse.OpenOut) fuse.Status {
	if status := s.at(call, []uint64{node}); !status.Ok() {
		return status
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handles++
	s.open[s.handles] = true
	out.Fh = s.handles
	return fuse.OK
}

func (s *strict) closes(call string, in *fuse.ReleaseIn) {
	s.at(call, []uint64{in.NodeId}, in.Fh)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, in.Fh)
}

func (s *strict) Forget(id, n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls["Forget"]++
	if n > s.looked[id] {
		s.t.Errorf("%d lookups of node %d are forgotten, of %d", n, id, s.looked[id])
	}
	s.looked[id] -= n
}

type (
	cancel = <-chan struct{}
	status = fuse.Status
)

func (s *strict) String() string      { return "strict" }
func (s *strict) SetDebug(bool)       {}
func (s *strict) Init(*fuse.Server)   {}
func (s *strict) OnUnmount()          {}
func one(node uint64) (list []uint64) { return []uint64{node} }

func (s *strict) Lookup(_ cancel, h *fuse.InHeader, name string, out *fuse.EntryOut) status {
	return s.lookup("Lookup", name, h.NodeId, out)
}
func (s *strict) Mknod(_ cancel, in *fuse.MknodIn, name string, out *fuse.EntryOut) status {
	return s.lookup("Mknod", name, in.NodeId, out)
}
func (s *strict) Mkdir(_ cancel, in *fuse.MkdirIn, name string, out *fuse.EntryOut) status {
	return s.lookup("Mkdir", name, in.NodeId, out)
}
func (s *strict) Symlink(_ cancel, h *fuse.InHeader, _, name string, out *fuse.EntryOut) status {
	return s.lookup("Symlink", name, h.NodeId, out)
}
func (s *strict) Link(_ cancel, in *fuse.LinkIn, name string, out *fuse.EntryOut) status {
	s.at("Link", one(in.Oldnodeid))
	return s.lookup("Lookup", name, in.NodeId, out)
}
func (s *strict) Create(_ cancel, in *fuse.CreateIn, name string, out *fuse.CreateOut) status {
	if status := s.lookup("Create", name, in.NodeId, &out.EntryOut); !status.Ok() {
		return status
	}
	return s.opens("Open", out.NodeId, &out.OpenOut)
}
func (s *strict) Tmpfile(_ cancel, in *fuse.CreateIn, out *fuse.CreateOut) status {
	if status := s.lookup("Tmpfile", "file", in.NodeId, &out.EntryOut); !status.Ok() {
		return status
	}
	return s.opens("Open", out.NodeId, &out.OpenOut)
}
func (s *strict) Open(_ cancel, in *fuse.OpenIn, out *fuse.OpenOut) status {
	return s.opens("Open", in.NodeId, out)
}
func (s *strict) OpenDir(_ cancel, in *fuse.OpenIn, out *fuse.OpenOut) status {
	return s.opens("OpenDir", in.NodeId, out)
}
func (s *strict) Unlink(_ cancel, h *fuse.InHeader, _ string) status {
	return s.at("Unlink", one(h.NodeId))
}
func (s *strict) Rmdir(_ cancel, h *fuse.InHeader, _ string) status {
	return s.at("Rmdir", one(h.NodeId))
}
func (s *strict) Rename(_ cancel, in *fuse.RenameIn, _, _ string) status {
	return s.at("Rename", []uint64{in.NodeId, in.Newdir})
}
func (s *strict) Readlink(_ cancel, h *fuse.InHeader) ([]byte, status) {
	return nil, s.at("Readlink", one(h.NodeId))
}
func (s *strict) Access(_ cancel, in *fuse.AccessIn) status { return s.at("Access", one(in.NodeId)) }
func (s *strict) GetXAttr(_ cancel, h *fuse.InHeader, _ string, _ []byte) (uint32, status) {
	return 0, s.at("GetXAttr", one(h.NodeId))
}
func (s *strict) ListXAttr(_ cancel, h *fuse.InHeader, _ []byte) (uint32, status) {
	return 0, s.at("ListXAttr", one(h.NodeId))
}
func (s *strict) SetXAttr(_ cancel, in *fuse.SetXAttrIn, _ string, _ []byte) status {
	return s.at("SetXAttr", one(in.NodeId))
}
func (s *strict) RemoveXAttr(_ cancel, h *fuse.InHeader, _ string) status {
	return s.at("RemoveXAttr", one(h.NodeId))
}
func (s *strict) StatFs(_ cancel, h *fuse.InHeader, _ *fuse.StatfsOut) status {
	return s.at("StatFs", one(h.NodeId))
}
func (s *strict) GetAttr(_ cancel, in *fuse.GetAttrIn, _ *fuse.AttrOut) status {
	return s.at("GetAttr", one(in.NodeId), in.Fh_)
}
func (s *strict) Statx(_ cancel, in *fuse.StatxIn, _ *fuse.StatxOut) status {
	return s.at("Statx", one(in.NodeId), in.Fh)
}
func (s *strict) SetAttr(_ cancel, in *fuse.SetAttrIn, _ *fuse.AttrOut) status {
	return s.at("SetAttr", one(in.NodeId), in.Fh)
}
func (s *strict) Read(_ cancel, in *fuse.ReadIn, _ []byte) (fuse.ReadResult, status) {
	return nil, s.at("Read", one(in.NodeId), in.Fh)
}
func (s *strict) Lseek(_ cancel, in *fuse.LseekIn, out *fuse.LseekOut) status {
	if in.Whence == fs.LseekVersion || in.Whence == fs.LseekVersionNow {
		out.Offset = s.version ^ in.Offset
		return s.at("version", one(in.NodeId), in.Fh)
	}
	return s.at("Lseek", one(in.NodeId), in.Fh)
}
func (s *strict) GetLk(_ cancel, in *fuse.LkIn, _ *fuse.LkOut) status {
	return s.at("GetLk", one(in.NodeId), in.Fh)
}
func (s *strict) SetLk(_ cancel, in *fuse.LkIn) status  { return s.at("SetLk", one(in.NodeId), in.Fh) }
func (s *strict) SetLkw(_ cancel, in *fuse.LkIn) status { return s.at("SetLkw", one(in.NodeId), in.Fh) }
func (s *strict) Ioctl(_ cancel, in *fuse.IoctlIn, _ []byte, _ *fuse.IoctlOut, _ []byte) status {
	return s.at("Ioctl", one(in.NodeId), in.Fh)
}
func (s *strict) Release(_ cancel, in *fuse.ReleaseIn) { s.closes("Release", in) }
func (s *strict) ReleaseDir(in *fuse.ReleaseIn)        { s.closes("ReleaseDir", in) }
func (s *strict) Write(_ cancel, in *fuse.WriteIn, data []byte) (uint32, status) {
	return uint32(len(data)), s.at("Write", one(in.NodeId), in.Fh)
}
func (s *strict) Writev(_ cancel, in *fuse.WriteIn, _ [][]byte) (uint32, status) {
	return 0, s.at("Writev", one(in.NodeId), in.Fh)
}
func (s *strict) CopyFileRange(_ cancel, in *fuse.CopyFileRangeIn) (uint32, status) {
	return 0, s.at("CopyFileRange", []uint64{in.NodeId, in.NodeIdOut}, in.FhIn, in.FhOut)
}
func (s *strict) Flush(_ cancel, in *fuse.FlushIn) status {
	return s.at("Flush", one(in.NodeId), in.Fh)
}
func (s *strict) Fsync(_ cancel, in *fuse.FsyncIn) status {
	return s.at("Fsync", one(in.NodeId), in.Fh)
}
func (s *strict) Fallocate(_ cancel, in *fuse.FallocateIn) status {
	return s.at("Fallocate", one(in.NodeId), in.Fh)
}
func (s *strict) ReadDir(_ cancel, in *fuse.ReadIn, _ *fuse.DirEntryList) status {
	return s.at("ReadDir", one(in.NodeId), in.Fh)
}
func (s *strict) FsyncDir(_ cancel, in *fuse.FsyncIn) status {
	return s.at("FsyncDir", one(in.NodeId), in.Fh)
}

// ReadDirPlus answers with all nodes, and one entry that stands for itself.
func (s *strict) ReadDirPlus(_ cancel, in *fuse.ReadIn, out *fuse.DirEntryList) status {
	if status := s.at("ReadDirPlus", one(in.NodeId), in.Fh); !status.Ok() {
		return status
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out.AddDirLookupEntry(fuse.DirEntry{Name: ".", Ino: 1, Mode: syscall.S_IFDIR})
	for name, id := range s.ids {
		if entry := out.AddDirLookupEntry(fuse.DirEntry{Name: name, Ino: id}); entry != nil {
			entry.NodeId = id
			s.looked[id]++
		}
	}
	return fuse.OK
}
