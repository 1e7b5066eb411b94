// Package textedit changes a text that a program writes piece by piece: in what
// order and size it likes, with gaps, cut to a length, and with characters that are
// split between two writes. The text becomes a secret's value in the end, so it has
// to be UTF-8 and at most [Max] bytes then; a piece that no text can have, whatever
// is written around it later, is found when it is written ([Text.Refuses]), because
// many programs do not look at what close says.
//
//	var text textedit.Text
//	edit := textedit.Edit{Data: data, Off: off}
//	size, errno := edit.Size(text.Len()) // what will it need?
//	edit.Do(&text)                       // no room is asked for here: that is the owner's
//
// A Text belongs to whoever holds it, with a lock of his own around it. It wipes
// what it no longer needs.
package textedit

import (
	"slices"
	"unicode/utf8"
	"unsafe"

	"infisicalfs/secret"
)

// Max is the largest value that can be written, in bytes. Servers take
// requests of 1 MiB.
const Max = 1 << 20

// Text is content in the making. The zero Text is empty.
type Text struct{ b []byte }

// Len is how many bytes the content has.
func (t *Text) Len() int { return len(t.b) }

// writeAt puts p at off, with zeros in a gap before it.
func (t *Text) writeAt(p []byte, off int) {
	if off+len(p) > len(t.b) {
		t.Resize(off + len(p))
	}
	copy(t.b[off:], p)
}

// Resize cuts the text, or appends zeros.
func (t *Text) Resize(n int) {
	if n <= len(t.b) {
		clear(t.b[n:])
		t.b = t.b[:n]
		return
	}
	if n > cap(t.b) {
		next := make([]byte, len(t.b), max(n, 2*cap(t.b)))
		copy(next, t.b)
		clear(t.b)
		t.b = next
	}
	t.b = t.b[:n] // zeros: what is beyond the end was cleared
}

// ReadAt copies what begins at off into p, and returns how much that was.
func (t *Text) ReadAt(p []byte, off int64) int {
	if off < 0 || off >= int64(len(t.b)) {
		return 0
	}
	return copy(p, t.b[off:])
}

// Set makes value the content.
func (t *Text) Set(value secret.Value) {
	t.Wipe()
	t.Resize(value.Len())
	value.CopyAt(t.b, 0)
}

// Wipe clears the content, which is empty then.
func (t *Text) Wipe() {
	clear(t.b)
	t.b = nil
}

// Value returns a copy of the content, straight into locked memory.
func (t *Text) Value() secret.Value {
	return secret.NewValue(unsafe.String(unsafe.SliceData(t.b), len(t.b)))
}

// Valid reports whether the content is UTF-8, so that a value can have it.
func (t *Text) Valid() bool { return utf8.Valid(t.b) }

// With returns the content as an edit would make it.
func (t *Text) With(e Edit) secret.Value {
	next := Text{slices.Clone(t.b)}
	defer next.Wipe()
	e.Do(&next)
	return next.Value()
}

// Refuses reports whether no value can have p at off, whatever is written around
// it later. Characters are cut where one write ends and the next begins, so a
// beginning at the end is none of that, and an end at the beginning only if it is
// known what comes before: nothing, or what was written last.
func (t *Text) Refuses(p []byte, off int) bool {
	for i := 0; off > 0 && i < utf8.UTFMax-1 && len(p) > 0 && !utf8.RuneStart(p[0]); i++ {
		if off == len(t.b) && !t.endsWithin(i) {
			break
		}
		p = p[1:]
	}
	return !MayBeText(p)
}

// endsWithin reports whether the content ends within a character that still
// lacks more than so many bytes.
func (t *Text) endsWithin(n int) bool {
	for i := 1; i < utf8.UTFMax && i <= len(t.b); i++ {
		tail := t.b[len(t.b)-i:]
		if utf8.RuneStart(tail[0]) {
			return lacks(tail) > n
		}
	}
	return false
}

// lacks returns how many bytes a beginning of a character lacks.
func lacks(beginning []byte) int {
	if utf8.FullRune(beginning) {
		return 0
	}
	switch first := beginning[0]; {
	case first >= 0xf0:
		return 4 - len(beginning)
	case first >= 0xe0:
		return 3 - len(beginning)
	default:
		return 2 - len(beginning)
	}
}

// MayBeText reports whether p is valid but for a beginning of a character at its
// end.
func MayBeText(p []byte) bool {
	for len(p) > 0 {
		r, size := utf8.DecodeRune(p)
		if r == utf8.RuneError && size == 1 {
			return !utf8.FullRune(p)
		}
		p = p[size:]
	}
	return true
}
