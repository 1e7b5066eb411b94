//go:build linux

package kernelstate

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"

	"infisicalfs/fs"
)

// written keeps what a journal is told, added up.
type written struct {
	epoch   uint64
	nodes   map[uint64]Node
	handles map[uint64]Handle
}

func (w *written) Began(epoch uint64) { w.epoch = epoch }

func (w *written) Looked(n Node) {
	n.Lookups += w.nodes[n.ID].Lookups
	w.nodes[n.ID] = n
}

func (w *written) Forgot(id, lookups uint64) {
	n := w.nodes[id]
	if n.Lookups -= lookups; n.Lookups == 0 {
		delete(w.nodes, id)
	} else {
		w.nodes[id] = n
	}
}

func (w *written) Opened(h Handle)      { w.handles[h.Number] = h }
func (w *written) Closed(number uint64) { delete(w.handles, number) }

func (w *written) state() *State {
	s := &State{Epoch: w.epoch}
	for _, id := range []uint64{folder, file} { // a parent first
		if n, ok := w.nodes[id]; ok {
			s.Nodes = append(s.Nodes, n)
		}
	}
	for _, h := range w.handles {
		s.Handles = append(s.Handles, h)
	}
	return s
}

func keeping(f *FS) *written {
	w := &written{nodes: map[uint64]Node{}, handles: map[uint64]Handle{}}
	f.Keep(w)
	return w
}

// What was written down serves the next process as what was exported would.
func TestAProcessThatWasKilled(t *testing.T) {
	f, below := heir(t, nil)
	w := keeping(f)
	require.Equal(t, fuse.OK, call(f, "Lookup", 1, 0)) // of "file"
	f.Forget(file, 1)
	require.Empty(t, w.nodes)
	below.ids = map[string]uint64{"folder": folder, "file": file}
	var entry fuse.EntryOut
	require.Equal(t, fuse.OK, f.Lookup(nil, &fuse.InHeader{NodeId: 1}, "folder", &entry))
	var dir, own, writer fuse.OpenOut
	require.Equal(t, fuse.OK, f.OpenDir(nil, &fuse.OpenIn{InHeader: fuse.InHeader{NodeId: folder}}, &dir))
	require.Equal(t, fuse.OK, call(f, "ReadDirPlus", folder, dir.Fh))
	require.Equal(t, fuse.OK, call(f, "ReadDirPlus", folder, dir.Fh))
	require.EqualValues(t, 3, w.nodes[folder].Lookups)
	require.Equal(t, Node{ID: file, Parent: folder, Name: "file", Lookups: 2}, w.nodes[file])
	require.Equal(t, fuse.OK, f.Open(nil, &fuse.OpenIn{InHeader: fuse.InHeader{NodeId: file}}, &own))
	require.Equal(t, fuse.OK, f.Open(nil, &fuse.OpenIn{InHeader: fuse.InHeader{NodeId: file}, Flags: syscall.O_RDWR}, &writer))
	state := w.state()
	state.Nodes[0].Parent, state.Nodes[0].Name = 1, "folder" // where it was looked up last makes a circle here
	require.Equal(t, uint64(1), state.Epoch)
	require.Len(t, state.Handles, 3)

	next, _ := heir(t, state)
	after := keeping(next)
	require.EqualValues(t, 2, after.epoch)
	require.Equal(t, fuse.OK, call(next, "Read", file, own.Fh))
	require.Equal(t, fuse.EIO, call(next, "Flush", file, writer.Fh))
	require.Equal(t, fuse.OK, call(next, "ReadDir", folder, dir.Fh))

	changed, below := heir(t, state)
	below.version++
	require.Equal(t, stale, call(changed, "Read", file, own.Fh))
	require.Equal(t, stale, call(changed, "ReadDir", folder, dir.Fh))

	f.journal = w
	call(f, "Release", file, own.Fh)
	call(f, "ReleaseDir", folder, dir.Fh)
	require.Len(t, w.handles, 1)
}

// Which list a directory shows is written down when it is first shown, also of one that
// an earlier process opened.
func TestWhatADirectoryShowsIsWrittenDown(t *testing.T) {
	state := before()
	state.Handles[0] = Handle{Number: openDir, Node: folder, Dir: true, Any: true}
	f, _ := heir(t, state)
	w := keeping(f)
	require.Equal(t, fuse.OK, call(f, "ReadDir", folder, openDir))
	h := w.handles[openDir]
	require.False(t, h.Any)
	require.EqualValues(t, version^h.Salt, h.Version)
	delete(w.handles, openDir)
	require.Equal(t, fuse.OK, call(f, "ReadDir", folder, openDir))
	require.Empty(t, w.handles, "once")
}

// A view that watchers are told of is looked up at a second place that ends with the process. It
// is written down where it is listed.
func TestAViewThatWatchersAreToldOf(t *testing.T) {
	f, _ := heir(t, nil)
	w := keeping(f)
	f.looked(fuse.OK, fs.AsideNode(), fmt.Sprintf("%016x..env", folder), file)
	require.Equal(t, Node{ID: file, Parent: folder, Name: ".env", Lookups: 1}, w.nodes[file])
	require.EqualValues(t, 1, f.count(file).kernel)
}
