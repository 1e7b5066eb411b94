package secret

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// textOf returns a text that tells i, of n bytes.
func textOf(i, n int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%d.", i), n/2+1)[:n]
}

// Values of one batch keep their texts, whatever their sizes, while others of it go.
func TestABatchKeepsTexts(t *testing.T) {
	var b Batch
	kept, sizes := map[int]Value{}, map[int]int{}
	for i := range 5000 {
		n := rand.IntN(60)
		switch rand.IntN(50) {
		case 0:
			n = rand.IntN(2 * ownPages)
		case 1:
			n = ownPages + rand.IntN(2)
		}
		kept[i], sizes[i] = b.Add(textOf(i, n)), n
		if i%3 == 0 {
			delete(kept, rand.IntN(i+1))
		}
		if i%1000 == 0 {
			runtime.GC()
		}
	}
	b = Batch{}
	runtime.GC()
	for i, v := range kept {
		require.Equal(t, string(textOf(i, sizes[i])), v.Reveal(), i)
		require.True(t, v.Equal(NewValue(string(textOf(i, sizes[i])))))
	}
}

// Many values cost few allocations, and as much memory as their texts have, or twice that.
func TestABatchIsCheap(t *testing.T) {
	text := textOf(7, 35)
	list := make([]Value, 0, 10_000)
	require.Less(t, testing.AllocsPerRun(3, func() {
		var b Batch
		list = list[:0]
		for range 10_000 {
			list = append(list, b.Add(text))
		}
	}), 80.0)
	for _, n := range []int{1, 3, 100, 3000} {
		var b Batch
		var taken, piece = 0, (*piece)(nil)
		for range n {
			if b.Add(text); b.piece != piece {
				piece = b.piece
				taken += len(piece.cell.pages)
			}
		}
		require.LessOrEqual(t, taken, max(smallestPiece, 2*n*len(text)+smallestPiece), n)
	}
}

// neighbour keeps the slab of a value's piece from being given back, so that what was the
// value's memory can be looked at. The piece has to be the first of its batch.
func neighbour() Value { return NewValue(strings.Repeat("n", smallestPiece)) }

// awaitWiped waits until text is nothing but zeros.
func awaitWiped(t *testing.T, text []byte) {
	t.Helper()
	require.Eventually(t, func() bool {
		runtime.GC()
		values.mu.Lock()
		defer values.mu.Unlock()
		return !slices.ContainsFunc(text, func(c byte) bool { return c != 0 })
	}, 10*time.Second, time.Millisecond)
}

// A piece is wiped when the last of its values is referred to no longer, and not before.
func TestAPieceIsWipedAfterItsLastValue(t *testing.T) {
	stays := neighbour()
	var b Batch
	first, last := b.Add([]byte("fake-first")), b.Add([]byte("fake-last"))
	memory := first.bytes()
	require.Equal(t, unsafe.Add(unsafe.Pointer(&memory[0]), len(memory)), unsafe.Pointer(&last.bytes()[0]), "they are in one piece")
	b = Batch{}
	first = Value{}
	for range 3 {
		runtime.GC()
	}
	require.Equal(t, "fake-last", last.Reveal())
	require.Equal(t, "fake-first", string(memory), "it is wiped as a whole")
	runtime.KeepAlive(last)
	awaitWiped(t, memory)
	runtime.KeepAlive(stays)
}

// A value that was replaced is wiped although others of its folder stay.
func TestMoveFromLetsAValueGo(t *testing.T) {
	stays := neighbour()
	var b Batch
	gone := b.Add([]byte("fake-old"))
	memory := gone.bytes()
	list := []Secret{{Value: b.Add([]byte("fake-a"))}, {Value: NewValue("fake-new")}, {}, {Value: b.Add([]byte("fake-b"))}}
	before := slices.Clone(list)
	b = Batch{}
	MoveFrom(gone, list)
	for i, text := range []string{"fake-a", "fake-new", "", "fake-b"} {
		require.Equal(t, text, list[i].Value.Reveal())
	}
	require.Equal(t, "fake-a", before[0].Value.Reveal(), "who has the old list has its values")
	before, gone = nil, Value{}
	awaitWiped(t, memory)
	require.Equal(t, "fake-b", list[3].Value.Reveal())
	runtime.KeepAlive(stays)
}

// A clone does not keep what was beside the original.
func TestACloneIsApart(t *testing.T) {
	stays := neighbour()
	var b Batch
	one, other := b.Add([]byte("fake-one")), b.Add([]byte("fake-other"))
	memory := other.bytes()
	kept := one.Clone()
	b, one, other = Batch{}, Value{}, Value{}
	awaitWiped(t, memory)
	require.Equal(t, "fake-one", kept.Reveal())
	require.True(t, Value{}.Clone().Equal(Value{}))
	runtime.KeepAlive(stays)
}
