// Package kernelstate keeps what the kernel holds of a mount by number: nodes, with
// how often it has looked each up, and open files and directories, by their handles.
// go-fuse numbers from 1 in each process and takes each number that it does not know
// for a bug of its own. So that a mount can outlive the process that serves it, this
// stands between the kernel and go-fuse's nodes:
//
//	tree := fusefs.NewNodeFS(root, options) // with options.ExternalNodeID
//	raw := kernelstate.New(tree, root.EmbeddedInode(), before, log)
//
// It guards three things:
//
//   - Node ids are inode numbers, which are made from paths and so the same in each
//     process. A node that the kernel has from an earlier process is looked up by its
//     path when it is used first (it is revived), and ESTALE if it is not there.
//   - What the kernel looked up is counted, because go-fuse ends the process if more is
//     forgotten than it knows of.
//   - A handle's upper half is the epoch, how many processes have served the mount
//     before, so that none is ever taken for another. A handle of an earlier epoch that
//     was only read from is opened again and works if that gives the same version, and
//     is ESTALE otherwise; one that was written to answers EIO, as what was written may
//     be lost. A handle that nothing is known of is treated as the worse of both.
//
// What a successor has to know of this is a [State]. Without a predecessor no request
// costs more than a comparison, but for LOOKUP, READDIRPLUS and OPEN, which are counted.
package kernelstate

import (
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// FS is the file system below, as a kernel may see it that knows numbers of earlier
// processes. It is safe for concurrent use.
type FS struct {
	fuse.RawFileSystem // Init, OnUnmount, SetDebug, String and StatFs go there as they are

	root  *fusefs.Inode // of the nodes below; nil: none can be exported
	log   *slog.Logger
	epoch uint64
	last  uint64 // the epoch of the latest process that has served; guarded by mu
	salt  uint64 // of fingerprints of versions, which leave this process
	heir  bool   // there was a process before this one

	journal Journal // nil: nobody could read it

	mu        sync.Mutex            // guards what follows; nothing below is called under it
	counts    map[uint64]count      // what the kernel knows, without the root, by node id
	places    map[uint64]Node       // of what it knows from earlier processes
	opened    []opened              // by go-fuse's number of a handle
	inherited map[uint64]*inherited // handles of earlier processes, as the kernel numbers them
}

// Journal is told of each change before the kernel hears of it. Calls come from many
// goroutines, and from two of them not always in the order of the changes: lookups and
// what is forgotten add up.
type Journal interface {
	Began(epoch uint64) // a process serves from here on
	Looked(Node)        // the kernel looked a node up, that often
	Forgot(id, lookups uint64)
	Opened(Handle) // or shows something since it was opened
	Closed(number uint64)
}

// New returns the file system above raw, whose nodes are below root. Before is the
// state of the process before this one, nil if there was none.
func New(raw fuse.RawFileSystem, root *fusefs.Inode, before *State, log *slog.Logger) *FS {
	f := &FS{RawFileSystem: raw, root: root, log: log, epoch: 1, last: 1, salt: rand.Uint64(), counts: map[uint64]count{}}
	if before != nil {
		f.heir = true
		f.Inherit(before)
	}
	return f
}

// Keep has all that changes from now on written down. Nothing may be served yet.
func (f *FS) Keep(j Journal) {
	f.journal = j
	j.Began(f.epoch)
}

// Inherit takes over what the kernel holds, in the place of what it was said to hold
// before. Nothing may be served yet.
func (f *FS) Inherit(before *State) {
	f.epoch = before.Epoch + 1
	f.last = f.epoch
	f.inheritNodes(before.Nodes)
	f.inheritHandles(before.Handles)
}

// Warm looks up the nodes that were inherited, before the first request needs them,
// until cancel is closed. What cannot be had now is tried again when it is used.
func (f *FS) Warm(cancel <-chan struct{}) {
	for _, id := range f.Nodes() {
		if closed(cancel) {
			return
		}
		f.node(cancel, id)
	}
}

// Reopen is Warm for the handles, so that they keep the version that they show: later
// it may be gone. Requests may be served meanwhile.
func (f *FS) Reopen(cancel <-chan struct{}) {
	f.mu.Lock()
	numbers := slices.Collect(maps.Keys(f.inherited))
	f.mu.Unlock()
	for _, number := range numbers {
		if closed(cancel) {
			return
		}
		f.handle(cancel, number)
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Nodes returns those that were inherited and that the kernel has.
func (f *FS) Nodes() []uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Keys(f.places))
}

// Inherited reports whether the kernel has the node with that number from an earlier
// process, of which only that is known.
func (f *FS) Inherited(node uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.places[node]
	return ok
}

// InheritedIn returns the names of the nodes that the kernel has in a directory from an
// earlier process.
func (f *FS) InheritedIn(directory uint64) (names []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.places {
		if n.Parent == directory {
			names = append(names, string(n.Name))
		}
	}
	return names
}

// Passed says that another process has served after this one, which goes on: the epoch
// of that is used up, as the kernel may have handles of it.
func (f *FS) Passed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
}

// Epoch returns how many processes have served the mount, with this one.
func (f *FS) Epoch() uint64 { return f.epoch }
