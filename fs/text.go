package fs

import (
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
