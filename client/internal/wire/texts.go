package wire

import "unsafe"

// texts keeps many short texts of one answer, no values, in few pieces of memory.
// One that is referred to keeps its piece, so who keeps a name for longer than its
// folder keeps a copy.
type texts struct {
	room []byte // what is left of the last piece
	size int    // of that
}

const (
	smallestTexts = 512 // bytes; each next piece is twice as large
	largestTexts  = 64 << 10
)

// keep returns text as a string.
func (t *texts) keep(text []byte) string {
	if len(text) > len(t.room) {
		if len(text) >= largestTexts/16 {
			return string(text)
		}
		t.size = min(max(smallestTexts, 2*t.size, len(text)), largestTexts)
		t.room = make([]byte, t.size)
	}
	n := copy(t.room, text)
	kept := unsafe.String(unsafe.SliceData(t.room), n)
	t.room = t.room[n:]
	return kept
}

// lists keeps many short lists, one after the other, in few pieces of memory.
type lists[T any] struct {
	room []T
	from int // where the list begins that is being made
}

// add adds to the list that is being made.
func (l *lists[T]) add(one T) {
	if len(l.room) == cap(l.room) {
		begun := l.room[l.from:]
		room := make([]T, 0, min(max(4, 2*len(l.room)), 4096)+2*len(begun))
		l.room, l.from = append(room, begun...), 0
	}
	l.room = append(l.room, one)
}

// list returns the list that was made, nil if nothing was added, and begins the next one.
func (l *lists[T]) list() []T {
	if l.from == len(l.room) {
		return nil
	}
	made := l.room[l.from:len(l.room):len(l.room)]
	l.from = len(l.room)
	return made
}
