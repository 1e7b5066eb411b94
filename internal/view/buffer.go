package view

import (
	"fmt"
	"unsafe"

	"infisicalfs/secret"
)

var errTooLarge = fmt.Errorf("%w: a view holds %d MiB", secret.ErrTooLarge, maxBytes>>20)

// buffer is what is written of a view so far. The text is full of secrets: memory that
// a buffer no longer needs it wipes.
type buffer struct {
	b     []byte
	value []byte // the value at hand
	full  bool   // there was more than fits; nothing is added any more
}

func (p *buffer) add(s string) {
	if p.room(len(s)) {
		p.b = append(p.b, s...)
	}
}

func (p *buffer) addBytes(b []byte) {
	if p.room(len(b)) {
		p.b = append(p.b, b...)
	}
}

func (p *buffer) addByte(c byte) {
	if p.room(1) {
		p.b = append(p.b, c)
	}
}

// room makes room for n bytes more.
func (p *buffer) room(n int) bool {
	need := len(p.b) + n
	if p.full = p.full || need > maxBytes; p.full {
		return false
	}
	if need > cap(p.b) {
		next := make([]byte, len(p.b), max(need, 2*cap(p.b), 512))
		copy(next, p.b)
		clear(p.b)
		p.b = next
	}
	return true
}

// take returns the text of v until the next call.
func (p *buffer) take(v secret.Value) []byte {
	if v.Len() > cap(p.value) {
		clear(p.value)
		p.value = make([]byte, v.Len())
	}
	p.value = p.value[:cap(p.value)]
	clear(p.value[v.CopyAt(p.value, 0):])
	return p.value[:v.Len()]
}

// text returns a copy of the text, straight into locked memory.
func (p *buffer) text() secret.Value {
	return secret.NewValue(unsafe.String(unsafe.SliceData(p.b), len(p.b)))
}

func (p *buffer) wipe() {
	clear(p.b)
	clear(p.value[:cap(p.value)])
}
