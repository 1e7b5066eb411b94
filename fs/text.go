package fs

import (
	"slices"
	"unicode/utf8"
	"unsafe"

	"infisicalfs/secret"
)

// maxValue is the largest value that can be written, in bytes. Servers take
// requests of 1 MiB.
const maxValue = 1 << 20

// text is content in the making. What it no longer needs it wipes.
type text struct{ b []byte }

// writeAt puts p at off, with zeros in a gap before it.
func (t *text) writeAt(p []byte, off int) {
	if off+len(p) > len(t.b) {
		t.resize(off + len(p))
	}
	copy(t.b[off:], p)
}

// resize cuts the text, or appends zeros.
func (t *text) resize(n int) {
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

// readAt copies what begins at off into p.
func (t *text) readAt(p []byte, off int64) int {
	if off < 0 || off >= int64(len(t.b)) {
		return 0
	}
	return copy(p, t.b[off:])
}

// set makes value the content.
func (t *text) set(value secret.Value) {
	t.wipe()
	t.resize(value.Len())
	value.CopyAt(t.b, 0)
}

func (t *text) wipe() {
	clear(t.b)
	t.b = nil
}

// value returns a copy of the content, straight into locked memory.
func (t *text) value() secret.Value {
	return secret.NewValue(unsafe.String(unsafe.SliceData(t.b), len(t.b)))
}

func (t *text) valid() bool { return utf8.Valid(t.b) }

// with returns the content as an edit would make it.
func (t *text) with(e edit) secret.Value {
	next := text{slices.Clone(t.b)}
	defer next.wipe()
	e.do(&next)
	return next.value()
}

// refuses reports whether no value can have p at off, whatever is written around
// it later. Characters are cut where one write ends and the next begins, so a
// beginning at the end is none of that, and an end at the beginning only if it is
// known what comes before: nothing, or what was written last.
func (t *text) refuses(p []byte, off int) bool {
	for i := 0; off > 0 && i < utf8.UTFMax-1 && len(p) > 0 && !utf8.RuneStart(p[0]); i++ {
		if off == len(t.b) && !t.endsWithin(i) {
			break
		}
		p = p[1:]
	}
	return !mayBeText(p)
}

// endsWithin reports whether the content ends within a character that still
// lacks more than so many bytes.
func (t *text) endsWithin(n int) bool {
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

// mayBeText reports whether p is valid but for a beginning of a character at its
// end.
func mayBeText(p []byte) bool {
	for len(p) > 0 {
		r, size := utf8.DecodeRune(p)
		if r == utf8.RuneError && size == 1 {
			return !utf8.FullRune(p)
		}
		p = p[size:]
	}
	return true
}
