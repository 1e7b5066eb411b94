package secret

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a value takes is known before it is made.
func TestRoomIsWhatIsTaken(t *testing.T) {
	require.Zero(t, Room(0))
	for _, n := range []int{1, smallest, smallest + 1, 500, 512, 513, smallest << (classes - 1), smallest<<(classes-1) + 1, 1 << 20, 1<<20 + 1} {
		var a arena
		c := a.take(n)
		require.Len(t, c.pages, Room(n), "%d", n)
		a.give(c)
	}
}

func TestValueOfKeepsACopy(t *testing.T) {
	text := []byte("fake")
	v := ValueOf(text)
	clear(text)
	require.Equal(t, "fake", v.Reveal())
	require.True(t, ValueOf(nil).Equal(Value{}))
}

// Values of all sizes keep their text while others come and go around them.
func TestValuesKeepTheirText(t *testing.T) {
	var workers sync.WaitGroup
	for worker := range 4 {
		workers.Go(func() {
			kept := map[int]Value{}
			text := func(i, n int) string { return strings.Repeat(fmt.Sprintf("%d/%d.", worker, i), n/4+1)[:n] }
			sizes := map[int]int{}
			for i := range 3000 {
				n := 1 << rand.IntN(17) * (1 + rand.IntN(3)) / 2
				sizes[i] = n
				kept[i] = NewValue(text(i, n))
				if i%3 == 0 {
					delete(kept, rand.IntN(i+1))
				}
				if i%500 == 0 {
					runtime.GC()
				}
			}
			for i, v := range kept {
				if v.Reveal() != text(i, sizes[i]) {
					t.Errorf("value %d of worker %d changed", i, worker)
				}
			}
		})
	}
	workers.Wait()
}

// What is no longer referred to is wiped and its memory used again or given back.
func TestMemoryOfValuesIsGivenBack(t *testing.T) {
	for range 200 {
		for range 100 {
			NewValue(strings.Repeat("x", 1000))
		}
		runtime.GC()
	}
	require.Eventually(t, func() bool {
		runtime.GC()
		values.mu.Lock()
		defer values.mu.Unlock()
		return len(values.slabs[5]) <= 1
	}, 10*time.Second, 10*time.Millisecond, "slabs of 1 KiB cells")
}

func TestAGivenCellIsWiped(t *testing.T) {
	for _, n := range []int{1, 100, 16 << 10} {
		var a arena
		c := a.take(n)
		copy(c.pages, strings.Repeat("s", n))
		a.give(c)
		require.Zero(t, strings.Count(string(c.pages), "s"), "the slab is kept as a spare, so its memory can be looked at")
	}
}

func TestCopyAt(t *testing.T) {
	v := NewValue("hello, world")
	p := make([]byte, 5)
	require.Equal(t, 5, v.CopyAt(p, 7))
	require.Equal(t, "world", string(p))
	for off, want := range map[int64]int{0: 5, 11: 1, 12: 0, 1 << 60: 0, -1: 0} {
		require.Equal(t, want, v.CopyAt(p, off), off)
	}
	require.Zero(t, Value{}.CopyAt(p, 0))
	require.Zero(t, NewValue("").CopyAt(p, 0))
}

func TestEqualIgnoresWhereTheTextIs(t *testing.T) {
	require.True(t, NewValue("a").Equal(NewValue("a")))
	require.False(t, NewValue("a").Equal(NewValue("b")))
	require.False(t, NewValue("a").Equal(Value{}))
	require.True(t, NewValue("").Equal(Value{}))
}

// The kernel confirms that the pages are locked, where that is allowed.
func TestPagesAreLocked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("values are on the heap")
	}
	v := NewValue("fake")
	before := Unlocked()
	big := NewValue(strings.Repeat("x", 256<<10))
	text, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	var locked int
	for line := range strings.Lines(string(text)) {
		fmt.Sscanf(line, "VmLck: %d kB", &locked)
	}
	if Unlocked() == before {
		require.GreaterOrEqual(t, locked, 256)
	} else {
		require.Equal(t, before+256<<10, Unlocked(), "what cannot be locked is counted")
	}
	runtime.KeepAlive(v)
	runtime.KeepAlive(big)
}
