package secret

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// Batch makes the values of one folder in few pieces of locked memory. What a value
// of its own costs besides its text (a cell of the arena, a header, the notice that
// nothing refers to it any more) is paid once for a piece.
//
// A piece is wiped and given back as a whole, when nothing refers to any of its
// values. So who replaces one value of a folder moves its neighbours ([MoveFrom]), and who
// keeps one for longer than the folder keeps a [Value.Clone].
//
// The zero Batch is ready. It belongs to one goroutine, and needs no end.
type Batch struct {
	piece *piece
	heads []string // of values in piece; there are more to come if it has room
	size  int      // of piece
	bytes int      // of all values so far
	count int
}

// piece is memory for values. Their headers are in lists on the heap, whose cleanups
// tell when no value is left.
type piece struct {
	cell cell
	used int
	left atomic.Int32 // lists of headers that are in use
}

const (
	smallestPiece = 256 // bytes; each next piece of a Batch is twice as large
	largestPiece  = 64 << 10
	mostHeads     = 4096 // of one list

	// ownPages is the length of a text from which on it has memory of its own.
	ownPages = smallest << (classes - 1)
)

// Add copies text into locked memory. The original is the caller's to wipe.
func (b *Batch) Add(text []byte) Value {
	switch {
	case len(text) == 0:
		return Value{}
	case len(text) > ownPages:
		return ValueOf(text)
	}
	b.bytes += len(text)
	b.count++
	if b.piece == nil || len(b.piece.cell.pages)-b.piece.used < len(text) {
		b.size = min(max(smallestPiece, 2*b.size, Room(len(text))), largestPiece)
		b.piece = &piece{cell: values.take(b.size)}
		b.addHeads()
	} else if len(b.heads) == cap(b.heads) {
		b.addHeads()
	}
	p := b.piece
	kept := p.cell.pages[p.used : p.used+len(text)]
	p.used += copy(kept, text)
	b.heads = append(b.heads, unsafe.String(&kept[0], len(kept)))
	return Value{&b.heads[len(b.heads)-1]}
}

// addHeads makes a new list of headers for the piece, for about as many values as it
// has room for.
func (b *Batch) addHeads() {
	room := len(b.piece.cell.pages) - b.piece.used
	before := b.heads // which has the piece in use until the new list has
	b.piece.left.Add(1)
	b.heads = make([]string, 0, min(room*b.count/b.bytes+1, mostHeads))
	runtime.AddCleanup(unsafe.SliceData(b.heads), leave, b.piece)
	runtime.KeepAlive(before)
}

// leave is called when nothing refers to a list of headers any more.
func leave(p *piece) {
	if p.left.Add(-1) == 0 {
		values.give(p.cell)
	}
}

// MoveFrom gives those of list, the secrets of one folder, other memory that have theirs beside
// gone, so that gone is wiped as soon as nobody else refers to it or to one of them. List
// is the caller's own, in which gone is not any more.
func MoveFrom(gone Value, list []Secret) {
	if gone.text == nil || gone.Len() > ownPages {
		return
	}
	defer runtime.KeepAlive(gone.text)
	var to Batch
	at := uintptr(unsafe.Pointer(unsafe.StringData(*gone.text)))
	for i := range list {
		if v := &list[i].Value; v.text != nil {
			other := uintptr(unsafe.Pointer(unsafe.StringData(*v.text)))
			if max(at, other)-min(at, other) < largestPiece { // farther than that no two are in a piece
				*v = to.Add(v.bytes())
			}
		}
	}
}

// Clone returns the value in memory of its own, for who keeps it for longer than the
// folder that it was in.
func (v Value) Clone() Value {
	defer runtime.KeepAlive(v.text)
	return ValueOf(v.bytes())
}

// bytes returns the text, not to be written to, and valid while v.text is referred to.
func (v Value) bytes() []byte {
	if v.text == nil {
		return nil
	}
	return unsafe.Slice(unsafe.StringData(*v.text), len(*v.text))
}
