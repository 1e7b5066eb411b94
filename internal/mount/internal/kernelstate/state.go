package kernelstate

import (
	"cmp"
	"encoding/json"
	"slices"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs"
)

// State is what the kernel holds of a mount by number. It has names and no values.
type State struct {
	Epoch   uint64   `json:"epoch"`
	Nodes   []Node   `json:"nodes"`
	Handles []Handle `json:"handles"`
}

// Node is one that the kernel knows, and where it is. A parent comes before what is in it.
type Node struct {
	ID      uint64 `json:"id"`
	Parent  uint64 `json:"parent"`
	Name    Name   `json:"name"`
	Lookups uint64 `json:"lookups"`
}

// Name is a file name, which JSON would mend where it is not UTF-8.
type Name string

// MarshalJSON writes the bytes in base64.
func (n Name) MarshalJSON() ([]byte, error) { return json.Marshal([]byte(n)) }

// UnmarshalJSON reads what MarshalJSON writes.
func (n *Name) UnmarshalJSON(text []byte) error {
	var b []byte
	err := json.Unmarshal(text, &b)
	*n = Name(b)
	return err
}

// Handle is an open file or directory.
type Handle struct {
	Number  uint64 `json:"number"`
	Node    uint64 `json:"node"`
	Flags   uint32 `json:"flags"`  // of open(2)
	Answer  uint32 `json:"answer"` // FOPEN_ flags
	Dir     bool   `json:"dir,omitempty"`
	Version uint64 `json:"version"` // what it shows, as a fingerprint,
	Salt    uint64 `json:"salt"`    // made with this

	// Any: nothing was read of it, any version will do. Status: it shows nothing, and
	// answers with this error.
	Any    bool  `json:"any,omitempty"`
	Status int32 `json:"status,omitempty"`
}

// ExportNodes returns the state without handles, at any time: nearly that of now.
func (f *FS) ExportNodes() *State {
	s := &State{Epoch: f.latest()}
	f.exportNodes(s, f.root, fuse.FUSE_ROOT_ID)
	f.exportLost(s)
	return s
}

// Export returns the state. Nothing may be served meanwhile: the nodes below are asked
// which version each open file shows.
func (f *FS) Export() *State {
	s := f.ExportNodes()
	for _, h := range f.openHandles() {
		s.Handles = append(s.Handles, f.describe(h))
	}
	return s
}

func (f *FS) latest() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// exportNodes adds what the kernel knows below a node.
func (f *FS) exportNodes(s *State, at *fusefs.Inode, id uint64) {
	if at == nil {
		return
	}
	for name, child := range at.Children() {
		known := f.count(child.StableAttr().Ino)
		if known.kernel == 0 {
			continue
		}
		node := Node{ID: child.StableAttr().Ino, Parent: id, Name: Name(name), Lookups: known.kernel}
		s.Nodes = append(s.Nodes, node)
		if node.ID != fs.AsideNode() { // what is there is listed elsewhere
			f.exportNodes(s, child, node.ID)
		}
	}
}

// exportLost adds what was inherited and has not been used since.
func (f *FS) exportLost(s *State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	listed := map[uint64]bool{fuse.FUSE_ROOT_ID: true}
	for _, n := range s.Nodes {
		listed[n.ID] = true
	}
	for id := range f.places {
		f.exportPlace(s, listed, id)
	}
}

// exportPlace adds an inherited node after its parent, unless it is listed. It is
// called with the lock held.
func (f *FS) exportPlace(s *State, listed map[uint64]bool, id uint64) {
	node, ok := f.places[id]
	if !ok || listed[id] {
		return
	}
	listed[id] = true // first, so that a circle ends
	f.exportPlace(s, listed, node.Parent)
	node.Lookups = f.counts[id].kernel
	s.Nodes = append(s.Nodes, node)
}

// openHandles returns what is open, without what it shows if that has to be asked for.
func (f *FS) openHandles() (list []Handle) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for number, o := range f.opened {
		if o.node != 0 {
			list = append(list, Handle{Number: f.epoch<<32 | uint64(number), Node: o.node, Flags: o.flags, Answer: o.answer, Dir: o.dir})
		}
	}
	for _, h := range f.inherited {
		list = append(list, h.Handle)
	}
	slices.SortFunc(list, func(a, b Handle) int { return cmp.Compare(a.Number, b.Number) })
	return list
}

// describe returns h with what it shows.
func (f *FS) describe(h Handle) Handle {
	if h.Status != 0 || h.writes() {
		return h
	}
	number, ok := f.numberBelow(h.Number)
	if !ok {
		return h // nobody has used it since it was inherited
	}
	h.Salt, h.Any = f.salt, false
	var status fuse.Status
	h.Version, status = f.version(h.Node, number, h.Salt, fs.LseekVersion)
	switch status {
	case fuse.OK:
	case fuse.ENODATA:
		h.Any = true
	case fuse.EACCES:
		h.Status = int32(status) // it was taken away, and stays away
	default:
		h.Status = int32(fuse.Status(syscall.ESTALE))
	}
	return h
}

// version asks the nodes below which version a handle shows.
func (f *FS) version(node, number, salt uint64, whence uint32) (uint64, fuse.Status) {
	in := &fuse.LseekIn{InHeader: fuse.InHeader{NodeId: node}, Fh: number, Offset: salt, Whence: whence}
	var out fuse.LseekOut
	status := f.RawFileSystem.Lseek(nil, in, &out)
	return out.Offset, status
}
