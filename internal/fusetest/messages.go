package fusetest

import (
	"maps"
	"sync"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// Messages counts the messages of the kernel that a caller waits for: those of
// reading. RELEASE, RELEASEDIR and FORGET are not among them.
type Messages struct {
	fuse.RawFileSystem

	mu     sync.Mutex // guards counts
	counts map[string]int
}

// Take returns the counts since the last call, by name; absent is zero.
func (m *Messages) Take() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts := maps.Clone(m.counts)
	clear(m.counts)
	if counts == nil {
		counts = map[string]int{}
	}
	return counts
}

func (m *Messages) count(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.counts == nil {
		m.counts = map[string]int{}
	}
	m.counts[name]++
}

func (m *Messages) Lookup(cancel <-chan struct{}, in *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	m.count("LOOKUP")
	return m.RawFileSystem.Lookup(cancel, in, name, out)
}

func (m *Messages) GetAttr(cancel <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	m.count("GETATTR")
	return m.RawFileSystem.GetAttr(cancel, in, out)
}

func (m *Messages) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	m.count("OPEN")
	return m.RawFileSystem.Open(cancel, in, out)
}

func (m *Messages) Read(cancel <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	m.count("READ")
	return m.RawFileSystem.Read(cancel, in, buf)
}

func (m *Messages) Flush(cancel <-chan struct{}, in *fuse.FlushIn) fuse.Status {
	m.count("FLUSH")
	return m.RawFileSystem.Flush(cancel, in)
}

func (m *Messages) OpenDir(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	m.count("OPENDIR")
	return m.RawFileSystem.OpenDir(cancel, in, out)
}

func (m *Messages) ReadDir(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	m.count("READDIR")
	return m.RawFileSystem.ReadDir(cancel, in, out)
}

func (m *Messages) ReadDirPlus(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	m.count("READDIRPLUS")
	return m.RawFileSystem.ReadDirPlus(cancel, in, out)
}
