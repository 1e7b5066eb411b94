//go:build linux

package journal

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/mount/internal/kernelstate"
)

// create returns an empty journal.
func create(t testing.TB) *Journal {
	j, err := Create()
	require.NoError(t, err)
	t.Cleanup(j.Close)
	return j
}

// kept returns a copy of the journal's descriptor, as a service manager has one.
func kept(t testing.TB, j *Journal) int {
	fd, err := unix.FcntlInt(uintptr(j.Descriptor()), unix.F_DUPFD_CLOEXEC, 0)
	require.NoError(t, err)
	return fd
}

// after is what the next process finds.
func after(t testing.TB, j *Journal) (*Journal, *Left) {
	next, left, err := Open(kept(t, j))
	require.NoError(t, err)
	t.Cleanup(next.Close)
	return next, left
}

// Whatever was written, and however often that made the journal longer or shorter, the
// next process finds what it came to.
func TestWhatIsLeft(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	j := create(t)
	require.NoError(t, j.Put("mount", []byte("of which")))
	nodes, handles := map[uint64]kernelstate.Node{}, map[uint64]kernelstate.Handle{}
	epoch := uint64(1)
	j.Began(epoch)
	for step := range 8_000 {
		id := 2 + random.Uint64N(300)
		switch random.IntN(5) {
		case 0, 1:
			n := kernelstate.Node{ID: id, Parent: 1 + id/2, Name: kernelstate.Name(fmt.Sprintf("name-%d\xff", id)), Lookups: 1}
			j.Looked(n)
			n.Lookups += nodes[id].Lookups
			nodes[id] = n
		case 2:
			if n, ok := nodes[id]; ok {
				j.Forgot(id, n.Lookups)
				delete(nodes, id)
			}
		case 3:
			h := kernelstate.Handle{
				Number: epoch<<32 | id, Node: id, Flags: random.Uint32(), Answer: random.Uint32(), Dir: id%2 == 0,
				Version: random.Uint64(), Salt: random.Uint64(), Any: id%3 == 0, Status: -int32(id % 5),
			}
			j.Opened(h)
			handles[h.Number] = h
		case 4:
			j.Closed(epoch<<32 | id)
			delete(handles, epoch<<32|id)
		}
		if step%1000 != 999 {
			continue
		}
		next, left := after(t, j)
		require.False(t, left.Clean)
		require.Equal(t, map[string][]byte{"mount": []byte("of which")}, left.Blobs)
		require.Equal(t, epoch, left.State.Epoch)
		require.ElementsMatch(t, slices.Collect(maps.Values(nodes)), left.State.Nodes)
		require.ElementsMatch(t, slices.Collect(maps.Values(handles)), left.State.Handles)
		j.Close()
		j = next // which goes on with it
		epoch++
		j.Began(epoch)
	}
	require.Less(t, len(j.memory), 1<<20, "what is over is left out")
}

// A parent comes before what is in it, whatever their numbers.
func TestParentsComeFirst(t *testing.T) {
	j := create(t)
	j.Began(1)
	for _, n := range []kernelstate.Node{{ID: 5, Parent: 9, Name: "in it", Lookups: 1}, {ID: 9, Parent: 1, Name: "it", Lookups: 1}, {ID: 7, Parent: 8, Lookups: 1}, {ID: 8, Parent: 7, Lookups: 1}} {
		j.Looked(n)
	}
	_, left := after(t, j)
	at := func(id uint64) int {
		return slices.IndexFunc(left.State.Nodes, func(n kernelstate.Node) bool { return n.ID == id })
	}
	require.Less(t, at(9), at(5))
	require.Len(t, left.State.Nodes, 4)
}

// What is forgotten can be written before the lookup that it is about.
func TestTheOrderOfTwoThreadsDoesNotMatter(t *testing.T) {
	j := create(t)
	j.Began(1)
	j.Forgot(5, 2)
	_, left := after(t, j)
	require.Empty(t, left.State.Nodes)
	for range 3 {
		j.Looked(kernelstate.Node{ID: 5, Parent: 1, Name: "a", Lookups: 1})
	}
	_, left = after(t, j)
	require.Equal(t, []kernelstate.Node{{ID: 5, Parent: 1, Name: "a", Lookups: 1}}, left.State.Nodes)
}

// An orderly end leaves the exact state, until the next process begins.
func TestAnOrderlyEnd(t *testing.T) {
	j := create(t)
	j.Began(1)
	j.Looked(kernelstate.Node{ID: 5, Parent: 1, Name: "a", Lookups: 1})
	require.NoError(t, j.Put("mount", []byte("first")))
	require.NoError(t, j.Put("mount", []byte("second")))
	state := &kernelstate.State{Epoch: 1,
		Nodes:   []kernelstate.Node{{ID: 6, Parent: 1, Name: "b", Lookups: 3}},
		Handles: []kernelstate.Handle{{Number: 1<<32 | 1, Node: 6, Version: 7, Salt: 8}},
	}
	require.NoError(t, j.Finish(state))
	next, left := after(t, j)
	require.True(t, left.Clean)
	require.Equal(t, state, left.State)
	require.Equal(t, "second", string(left.Blobs["mount"]))
	next.Began(2)
	_, left = after(t, next)
	require.False(t, left.Clean)
	require.EqualValues(t, 2, left.State.Epoch)
	require.Equal(t, state.Nodes, left.State.Nodes)
}

// What cannot be understood is refused as a whole.
func TestWhatIsNoJournal(t *testing.T) {
	for name, spoil := range map[string]func(j *Journal){
		"another format":   func(j *Journal) { j.set(wordMagic, magic+1<<48) },
		"not all is there": func(j *Journal) { j.set(wordLost, 1) },
		"an unknown kind":  func(j *Journal) { j.memory[headerSize] = 99 },
		"a long record":    func(j *Journal) { j.memory[headerSize+1] = 255 },
		"a short record":   func(j *Journal) { j.memory[headerSize+1] = 1 },
		"beyond its end":   func(j *Journal) { j.set(wordAreas+1, 1<<40) },
		"before its begin": func(j *Journal) { j.set(wordAreas, 8) },
	} {
		t.Run(name, func(t *testing.T) {
			j := create(t)
			j.Began(1)
			spoil(j)
			fd := kept(t, j)
			_, _, err := Open(fd)
			require.ErrorContains(t, err, "what the process before has left")
			require.ErrorIs(t, unix.Close(fd), unix.EBADF, "it was closed")
		})
	}
	for name, size := range map[string]int64{"empty": 0, "short": 100} {
		t.Run(name, func(t *testing.T) {
			fd, err := anonymous()
			require.NoError(t, err)
			require.NoError(t, unix.Ftruncate(fd, size))
			_, _, err = Open(fd)
			require.Error(t, err)
		})
	}
	pipe := make([]int, 2)
	require.NoError(t, unix.Pipe(pipe))
	defer unix.Close(pipe[1])
	_, _, err := Open(pipe[0])
	require.Error(t, err)
}

// A journal that cannot grow says so, and no longer counts.
func TestWhatCannotBeWritten(t *testing.T) {
	j := create(t)
	j.Began(1)
	_, err := unix.FcntlInt(uintptr(j.Descriptor()), unix.F_ADD_SEALS, unix.F_SEAL_GROW)
	require.NoError(t, err)
	require.ErrorIs(t, j.Put("large", make([]byte, 2*firstSize)), ErrLost)
	j.Closed(5)
	require.ErrorIs(t, j.Finish(&kernelstate.State{Epoch: 1}), ErrLost)
	_, _, err = Open(kept(t, j))
	require.ErrorIs(t, err, ErrLost)
}

// An open file is noted without a system call and without an allocation.
func TestNothingIsAllocated(t *testing.T) {
	j := create(t)
	j.Began(1)
	for range 5000 { // it has its length
		j.Opened(kernelstate.Handle{Number: 5})
	}
	j.compact()
	length := len(j.memory)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		j.Opened(kernelstate.Handle{Number: 5})
		j.Closed(5)
	}))
	require.Len(t, j.memory, length)
}
