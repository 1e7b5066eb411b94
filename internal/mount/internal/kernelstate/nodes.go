package kernelstate

import (
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs"
)

var stale = fuse.Status(syscall.ESTALE)

// count is how often a node was looked up.
type count struct {
	kernel uint64 // and not forgotten by the kernel,
	below  uint64 // and not by the nodes below; 0: they do not know it (yet)
}

// looked notes that the kernel is about to be told of the node of that name.
func (f *FS) looked(status fuse.Status, parent uint64, name string, id uint64) {
	if !status.Ok() || id == 0 {
		return
	}
	f.mu.Lock()
	f.lookedUp(id)
	f.mu.Unlock()
	if f.journal != nil {
		parent, name = fs.ListedAs(parent, name)
		f.journal.Looked(Node{ID: id, Parent: parent, Name: Name(name), Lookups: 1})
	}
}

// lookedUp is called with the lock held.
func (f *FS) lookedUp(id uint64) {
	c := f.counts[id]
	f.counts[id] = count{c.kernel + 1, c.below + 1}
}

// listed notes the nodes in an answer to READDIRPLUS about a directory.
func (f *FS) listed(parent uint64, entries []byte) {
	f.mu.Lock()
	for id := range entriesOf(entries) {
		f.lookedUp(id)
	}
	f.mu.Unlock()
	if f.journal != nil {
		for id, name := range entriesOf(entries) {
			f.journal.Looked(Node{ID: id, Parent: parent, Name: Name(name), Lookups: 1})
		}
	}
}

func (f *FS) count(id uint64) count {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[id]
}

// Forget hands on that the kernel has forgotten a node only when it has done so
// altogether: it may count lookups of earlier processes that nobody else knows of.
func (f *FS) Forget(id, lookups uint64) {
	below := f.forget(id, lookups)
	if f.journal != nil {
		f.journal.Forgot(id, lookups)
	}
	if below > 0 {
		f.RawFileSystem.Forget(id, below)
	}
}

// forget returns how many lookups the nodes below are to forget.
func (f *FS) forget(id, lookups uint64) (below uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, known := f.counts[id]
	switch {
	case !known: // of a node that no state had
		return 0
	case c.kernel > lookups:
		f.counts[id] = count{c.kernel - lookups, c.below}
		return 0
	}
	delete(f.counts, id)
	delete(f.places, id)
	return c.below
}

// inheritNodes notes what the kernel knows. What was looked up below stays known there.
func (f *FS) inheritNodes(nodes []Node) {
	f.mu.Lock()
	before, were := f.counts, f.places
	f.counts, f.places = make(map[uint64]count, len(nodes)), make(map[uint64]Node, len(nodes))
	moved := map[uint64]bool{} // what was looked up below is at a place that the node has left, itself or with its parent
	for _, n := range nodes {
		known := before[n.ID]
		if was := were[n.ID]; was.Parent != n.Parent || was.Name != n.Name || moved[n.Parent] {
			moved[n.ID], known.below = true, 0
		} else {
			delete(before, n.ID)
		}
		f.counts[n.ID] = count{max(1, n.Lookups), known.below}
		f.places[n.ID] = n
	}
	f.mu.Unlock()
	for id, c := range before { // forgotten or moved between two states
		if c.below > 0 {
			f.RawFileSystem.Forget(id, c.below)
		}
	}
}

// node makes sure that the nodes below know one that the kernel names.
func (f *FS) node(_ <-chan struct{}, id uint64) fuse.Status {
	if !f.heir {
		return fuse.OK
	}
	return f.revive(id, maxDepth)
}

// maxDepth bounds how deep a node may lie; a path has at most 4096 bytes.
const maxDepth = 4096 / 2

// revive looks an inherited node up by its path, unless it is known. An error of the
// server's is the answer, and the next request tries again; only what is not there, or
// is another node now, is ESTALE. Two that do so at once both count.
func (f *FS) revive(id uint64, depth int) fuse.Status {
	f.mu.Lock()
	c, place := f.counts[id], f.places[id]
	f.mu.Unlock()
	switch {
	case id == fuse.FUSE_ROOT_ID, c.below > 0:
		return fuse.OK
	case c.kernel == 0, place.ID == 0, depth == 0:
		return stale
	}
	if status := f.revive(place.Parent, depth-1); !status.Ok() {
		return status
	}
	// In nobody's name: what is said to the kernel here is no answer to anybody. So it does
	// not end when somebody is interrupted: whether he wants out could not be told.
	var out fuse.EntryOut
	status := f.RawFileSystem.Lookup(nil, &fuse.InHeader{NodeId: place.Parent}, string(place.Name), &out)
	switch {
	case status == fuse.ENOENT, status.Ok() && out.NodeId == 0:
		return stale
	case !status.Ok():
		return status
	case out.NodeId != id:
		f.RawFileSystem.Forget(out.NodeId, 1)
		return stale
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c = f.counts[id]
	f.counts[id] = count{c.kernel, c.below + 1}
	return fuse.OK
}
