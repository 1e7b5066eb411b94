//go:build linux

package kernelstate

import (
	"log/slog"
	"reflect"
	"slices"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"
)

var silent = slog.New(slog.DiscardHandler)

// The kernel knows a directory and a file in it from a process before, and has both open.
const (
	folder, file              = 100, 101
	openDir, openFile         = 1<<32 | 1, 1<<32 | 2
	openToWrite, openToWrite2 = 1<<32 | 3, 1<<32 | 4
	salt, version             = 5, 0x7777
)

var names = map[string]uint64{"folder": folder, "file": file}

func before() *State {
	return &State{Epoch: 1,
		Nodes: []Node{{folder, 1, "folder", 3}, {file, folder, "file", 2}},
		Handles: []Handle{
			{Number: openDir, Node: folder, Dir: true, Version: version ^ salt, Salt: salt},
			{Number: openFile, Node: file, Version: version ^ salt, Salt: salt},
			{Number: openToWrite, Node: file, Flags: syscall.O_WRONLY},
			{Number: openToWrite2, Node: file, Flags: syscall.O_RDWR},
		}}
}

func heir(t *testing.T, state *State) (*FS, *strict) {
	below := newStrict(t, names)
	below.version = version
	return New(below, nil, state, silent), below
}

// notAboutNodes are the methods that name no node, or answer for the whole.
var notAboutNodes = []string{"String", "SetDebug", "Init", "OnUnmount", "StatFs"}

// call calls a method of f by its name. All node ids in its arguments are node, all
// handles are handle. Forget and the releases have no status.
func call(f *FS, method string, node, handle uint64) (status fuse.Status) {
	m := reflect.ValueOf(f).MethodByName(method)
	args := make([]reflect.Value, m.Type().NumIn())
	for i := range args {
		switch of := m.Type().In(i); {
		case of == reflect.TypeFor[*fuse.DirEntryList]():
			args[i] = reflect.ValueOf(fuse.NewDirEntryList(make([]byte, 4096), 0))
		case of.Kind() == reflect.Pointer:
			args[i] = reflect.New(of.Elem())
			fill(args[i].Elem(), node, handle)
		case of.Kind() == reflect.String:
			args[i] = reflect.ValueOf("file")
		case of.Kind() == reflect.Uint64: // Forget
			args[i] = reflect.ValueOf([]uint64{node, 1}[i])
		default:
			args[i] = reflect.Zero(of)
		}
	}
	for _, result := range m.Call(args) {
		if s, ok := result.Interface().(fuse.Status); ok {
			status = s
		}
	}
	return status
}

// fill sets the fields of a request that name nodes and handles.
func fill(in reflect.Value, node, handle uint64) {
	for i := range in.NumField() {
		switch name := in.Type().Field(i).Name; name {
		case "InHeader", "SetAttrInCommon":
			fill(in.Field(i), node, handle)
		case "NodeId", "Newdir", "Oldnodeid", "NodeIdOut":
			in.Field(i).SetUint(node)
		case "Fh", "Fh_", "FhIn", "FhOut":
			in.Field(i).SetUint(handle)
		case "Flags_", "GetattrFlags":
			in.Field(i).SetUint(fuse.FUSE_GETATTR_FH)
		case "ReadFlags": // of read(2), and not for a page
			in.Field(i).SetUint(fuse.READ_LOCKOWNER)
		case "Valid":
			in.Field(i).SetUint(fuse.FATTR_FH)
		}
	}
}

func methods() (list []string) {
	of := reflect.TypeFor[fuse.RawFileSystem]()
	for i := range of.NumMethod() {
		if name := of.Method(i).Name; !slices.Contains(notAboutNodes, name) {
			list = append(list, name)
		}
	}
	return list
}

// Whatever the kernel asks about what nobody told of, the nodes below do not hear of it.
func TestNothingUnknownGetsThrough(t *testing.T) {
	require.Greater(t, len(methods()), 38)
	for _, method := range methods() {
		f := New(nil, nil, before(), silent) // which would panic
		status := call(f, method, 999, 7<<32|7)
		switch method {
		case "Forget", "Release", "ReleaseDir":
		case "Write", "Writev", "Flush", "Fsync", "Fallocate", "SetAttr":
			require.Equal(t, fuse.EIO, status, method)
		default:
			require.Equal(t, stale, status, method)
		}
	}
}

// What the kernel has from the process before is found again by every request.
func TestWhatIsInheritedIsFoundAgain(t *testing.T) {
	for _, method := range methods() {
		f, below := heir(t, before())
		node, handle := uint64(file), uint64(openFile)
		if slices.Contains([]string{"ReadDir", "ReadDirPlus", "ReleaseDir", "FsyncDir", "Lookup", "OpenDir"}, method) {
			node, handle = folder, openDir
		}
		require.Equal(t, fuse.OK, call(f, method, node, handle), method)
		switch method {
		case "Forget", "Release", "ReleaseDir": // it was never used here
			require.Empty(t, below.calls, method)
		default:
			require.NotZero(t, below.calls[method], method)
		}
	}
}

// And what this process opened itself, with and without another before it.
func TestOwnHandles(t *testing.T) {
	first, _ := heir(t, nil)
	second, _ := heir(t, before())
	for epoch, f := range map[uint64]*FS{1: first, 2: second} {
		var entry fuse.EntryOut
		require.Equal(t, fuse.OK, f.Lookup(nil, &fuse.InHeader{NodeId: 1}, "file", &entry))
		var out fuse.OpenOut
		require.Equal(t, fuse.OK, f.Open(nil, &fuse.OpenIn{InHeader: fuse.InHeader{NodeId: file}}, &out))
		require.Equal(t, epoch, out.Fh>>32)
		for _, method := range methods() {
			switch method {
			case "Forget", "Release", "ReleaseDir", "ReadDir", "ReadDirPlus", "FsyncDir":
			default:
				require.Equal(t, fuse.OK, call(f, method, file, out.Fh), method)
			}
		}
		call(f, "Release", file, out.Fh)
	}
}

// A handle shows the version that it has shown, or nothing any more, for good.
func TestAnotherVersionIsNotShown(t *testing.T) {
	f, below := heir(t, before())
	below.version++
	for range 2 {
		require.Equal(t, stale, call(f, "Read", file, openFile))
		require.Equal(t, stale, call(f, "ReadDir", folder, openDir))
		require.Len(t, below.open, 1, "what was opened to see is closed")
		below.version = version
	}
	call(f, "Release", file, openFile)
	require.Equal(t, stale, call(f, "Read", file, openFile))
}

// What was written through a handle before may be lost, so nothing says that it is not.
func TestWritersAreToldOfTheirLoss(t *testing.T) {
	f, below := heir(t, before())
	for _, handle := range []uint64{openToWrite, openToWrite2} {
		for _, method := range []string{"Write", "Writev", "Flush", "Fsync", "Fallocate", "SetAttr", "Read", "GetAttr"} {
			require.Equal(t, fuse.EIO, call(f, method, file, handle), method)
		}
		call(f, "Release", file, handle)
	}
	require.Zero(t, below.calls["Open"])
}

// A failure of now is no verdict: the next request tries again.
func TestAnOutageIsNotAnAbsence(t *testing.T) {
	f, below := heir(t, before())
	below.failing = fuse.EIO
	require.Equal(t, fuse.EIO, call(f, "Read", file, openFile))
	require.Equal(t, fuse.EIO, call(f, "Lookup", folder, 0))
	below.failing = fuse.OK
	require.Equal(t, fuse.OK, call(f, "Read", file, openFile))
	require.Equal(t, fuse.OK, call(f, "Lookup", folder, 0))
}

// Nodes that are not there, or are others now, are stale: the kernel looks again.
// impatient is interrupted.
type impatient struct{ *strict }

func (i impatient) Lookup(cancel <-chan struct{}, h *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	if closed(cancel) {
		return fuse.EINTR
	}
	return i.strict.Lookup(cancel, h, name, out)
}

func (i impatient) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if closed(cancel) {
		return fuse.EINTR
	}
	return i.strict.Open(cancel, in, out)
}

// A program gets signals that are no wish to stop: opening again goes on.
func TestOpeningAgainIsNotInterrupted(t *testing.T) {
	_, below := heir(t, before())
	f := New(impatient{below}, nil, before(), silent)
	interrupted := make(chan struct{})
	close(interrupted)
	_, status := f.Read(interrupted, &fuse.ReadIn{InHeader: fuse.InHeader{NodeId: file}, Fh: openFile, ReadFlags: fuse.READ_LOCKOWNER}, nil)
	require.Equal(t, fuse.OK, status)
}

func TestNodesThatWent(t *testing.T) {
	f, below := heir(t, before())
	below.ids = map[string]uint64{"folder": folder}
	require.Equal(t, stale, call(f, "GetXAttr", file, 0))
	below.ids = map[string]uint64{"folder": folder, "file": 555}
	require.Equal(t, stale, call(f, "GetXAttr", file, 0))
	require.Zero(t, below.looked[555])
	circle := &State{Epoch: 1, Nodes: []Node{{8, 9, "a", 1}, {9, 8, "b", 1}}}
	f, _ = heir(t, circle)
	require.Equal(t, stale, call(f, "GetXAttr", 8, 0))
}

// What was looked up for one state is looked up again for the next where that has it at
// another place, or in a folder that is at another: there may be something else by now.
func TestMovedBetweenTwoStates(t *testing.T) {
	for _, moved := range []string{"folder", "file"} {
		f, below := heir(t, before())
		f.Warm(nil)
		require.EqualValues(t, 1, below.looked[file])
		next := before()
		for i := range next.Nodes {
			if string(next.Nodes[i].Name) == moved {
				next.Nodes[i].Name = "moved"
			}
		}
		below.ids = map[string]uint64{"folder": folder, "file": file, "moved": names[moved]}
		f.Inherit(next)
		require.Zero(t, below.looked[file], moved)
		require.Equal(t, moved == "folder", below.looked[folder] == 0)
		require.Equal(t, fuse.OK, call(f, "GetXAttr", file, 0))
		require.EqualValues(t, 1, below.looked[file], moved)
	}
	f, below := heir(t, before())
	f.Warm(nil)
	lookups := below.calls["Lookup"]
	f.Inherit(before())
	require.Equal(t, fuse.OK, call(f, "GetXAttr", file, 0))
	require.Equal(t, lookups, below.calls["Lookup"], "nothing has moved")
}

// The nodes below forget when the kernel has forgotten all that it ever looked up, in
// this process and before; more than that is passed over.
func TestForgetting(t *testing.T) {
	f, below := heir(t, before())
	require.Equal(t, fuse.OK, call(f, "GetXAttr", file, 0))
	require.True(t, f.Inherited(file))
	f.Forget(file, 1)
	require.EqualValues(t, 1, below.looked[file], "the kernel has one more")
	require.Equal(t, fuse.OK, call(f, "ReadDirPlus", folder, openDir))
	f.Forget(file, 1)
	require.NotZero(t, below.looked[file], "listed since")
	f.Forget(file, 1)
	require.Zero(t, below.looked[file])
	require.False(t, f.Inherited(file))
	f.Forget(file, 1)
	f.Forget(12345, 1)

	f, below = heir(t, nil)
	for range 3 {
		require.Equal(t, fuse.OK, call(f, "Lookup", 1, 0))
	}
	f.Forget(file, 2)
	require.NotZero(t, below.looked[file])
	f.Forget(file, 1)
	require.Zero(t, below.looked[file])
}

// The state of a process can be handed on by one that has used only some of it, and a
// second look at it goes on from the first.
func TestStateTravels(t *testing.T) {
	f, _ := heir(t, before())
	require.Equal(t, fuse.OK, call(f, "GetXAttr", folder, 0))
	require.Equal(t, fuse.OK, call(f, "Read", file, openFile))
	var own fuse.OpenOut
	require.Equal(t, fuse.OK, f.Open(nil, &fuse.OpenIn{InHeader: fuse.InHeader{NodeId: file}}, &own))
	state := f.Export()
	require.EqualValues(t, 2, state.Epoch)
	require.ElementsMatch(t, before().Nodes, state.Nodes, "no tree was given, so only what was inherited is known")
	numbers := map[uint64]Handle{}
	for _, h := range state.Handles {
		numbers[h.Number] = h
	}
	require.Len(t, numbers, 5)
	require.Contains(t, numbers, own.Fh)

	next, below := heir(t, f.ExportNodes())
	next.Warm(nil)
	require.NotZero(t, below.looked[file])
	next.Inherit(state)
	next.Reopen(nil)
	require.Equal(t, 2, below.calls["Open"])
	for _, number := range []uint64{own.Fh, openFile} {
		require.Equal(t, fuse.OK, call(next, "Read", file, number))
		call(next, "Release", file, number)
	}
	require.Equal(t, 2, below.calls["Open"])
	require.Equal(t, 2, below.calls["Release"])
	require.Equal(t, fuse.OK, call(next, "ReadDir", folder, openDir))
}

// A handle that is closed while it is opened again, ahead of time, stays closed.
func TestClosedWhileItIsOpenedAgain(t *testing.T) {
	f, below := heir(t, before())
	h := f.inherited[openFile]
	call(f, "Release", file, openFile)
	_, status := f.reopen(nil, h)
	require.Equal(t, stale, status)
	require.Len(t, below.open, 1)
}

// Requests of a process without a predecessor cost nothing more.
func TestNoAllocations(t *testing.T) {
	f, below := heir(t, nil)
	var entry fuse.EntryOut
	require.Equal(t, fuse.OK, f.Lookup(nil, &fuse.InHeader{NodeId: 1}, "file", &entry))
	var out fuse.OpenOut
	require.Equal(t, fuse.OK, f.Open(nil, &fuse.OpenIn{InHeader: fuse.InHeader{NodeId: file}}, &out))
	in := &fuse.ReadIn{InHeader: fuse.InHeader{NodeId: file}}
	direct := testing.AllocsPerRun(100, func() { in.Fh = out.Fh & lowerHalf; below.Read(nil, in, nil) })
	require.Equal(t, direct, testing.AllocsPerRun(100, func() { in.Fh = out.Fh; f.Read(nil, in, nil) }))
}

// The epoch of a process that has served for a moment is not used again: the kernel may
// have handles of it.
func TestNoEpochIsUsedTwice(t *testing.T) {
	f, _ := heir(t, before())
	require.EqualValues(t, 2, f.Export().Epoch)
	f.Passed()
	require.EqualValues(t, 2, f.Epoch())
	next, _ := heir(t, f.Export())
	require.EqualValues(t, 4, next.Epoch())
}
