package secret

import (
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// arena is memory for values. Small ones share slabs of cells of one size,
// which keeps both waste and bookkeeping low; large ones have pages of their
// own.
type arena struct {
	unlocked atomic.Int64 // bytes that could not be locked since the start

	mu    sync.Mutex       // guards all below; held for a few instructions, and for mmap of a slab
	slabs [classes][]*slab // those with a free cell, by class
	spare [classes]*slab   // one empty slab each, so that a single value does not map and unmap
}

// values is the one arena of the process: pages are a resource of the process.
var values arena

const (
	smallest  = 32       // size of a cell of the first class; each next one is twice as large
	classes   = 10       // the last has cells of 16 KiB
	slabBytes = 64 << 10 // a multiple of every page size
)

// slab is cells of one size.
type slab struct {
	class int
	pages []byte
	free  []int32 // offsets of free cells
	live  int
}

// cell is where a value is: at an offset in a slab, or in pages of its own.
type cell struct {
	slab  *slab // nil: pages are its own
	at    int
	pages []byte
}

// shared is a cell of a slab in less memory.
type shared struct {
	slab *slab
	at   int
}

// giveAfter gives the cell back when nothing refers to text any more. What it leaves
// on the heap for that is small, as there is one for each value.
func (c cell) giveAfter(text *string) {
	if c.slab == nil {
		runtime.AddCleanup(text, giveOwn, c.pages)
		return
	}
	runtime.AddCleanup(text, giveShared, shared{c.slab, c.at})
}

func giveOwn(pages []byte) { values.give(cell{pages: pages}) }
func giveShared(s shared)  { values.give(s.slab.cell(s.at)) }

// cell returns the one at that offset.
func (s *slab) cell(at int) cell {
	size := smallest << s.class
	return cell{slab: s, at: at, pages: s.pages[at : at+size : at+size]}
}

// classOf returns the class of cells that hold n bytes; from [classes] on there is
// none.
func classOf(n int) (class int) {
	for size := smallest; size < n; size *= 2 {
		class++
	}
	return class
}

func wholePages(n int) int {
	page := os.Getpagesize()
	return (n + page - 1) / page * page
}

// Room returns how many bytes of memory a value of n bytes takes.
func Room(n int) int {
	switch class := classOf(n); {
	case n == 0:
		return 0
	case class >= classes:
		return wholePages(n)
	default:
		return smallest << class
	}
}

// take returns a cell with at least n bytes, n > 0.
func (a *arena) take(n int) cell {
	class := classOf(n)
	if class >= classes {
		return cell{pages: mapPages(wholePages(n))}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.roomy(class)
	last := len(s.free) - 1
	at := int(s.free[last])
	s.free = s.free[:last]
	s.live++
	if last == 0 {
		a.slabs[class] = without(a.slabs[class], s)
	}
	return s.cell(at)
}

// roomy returns a slab with a free cell. [arena.mu] is held.
func (a *arena) roomy(class int) *slab {
	if list := a.slabs[class]; len(list) > 0 {
		return list[len(list)-1]
	}
	s := a.spare[class]
	a.spare[class] = nil
	if s == nil {
		s = &slab{class: class, pages: mapPages(slabBytes)}
		for at := slabBytes - smallest<<class; at >= 0; at -= smallest << class {
			s.free = append(s.free, int32(at))
		}
	}
	a.slabs[class] = append(a.slabs[class], s)
	return s
}

// give wipes a cell and takes it back.
func (a *arena) give(c cell) {
	clear(c.pages)
	if c.slab == nil {
		unmapPages(c.pages)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s := c.slab
	s.free = append(s.free, int32(c.at))
	s.live--
	if len(s.free) == 1 {
		a.slabs[s.class] = append(a.slabs[s.class], s)
	}
	if s.live > 0 {
		return
	}
	a.slabs[s.class] = without(a.slabs[s.class], s)
	if a.spare[s.class] == nil {
		a.spare[s.class] = s
	} else {
		unmapPages(s.pages)
	}
}

func without(list []*slab, s *slab) []*slab {
	return slices.DeleteFunc(list, func(other *slab) bool { return other == s })
}
