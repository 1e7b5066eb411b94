package view

import (
	"fmt"
	"unsafe"

	"infisicalfs/secret"
)

var errTooLarge = fmt.Errorf("%w: a view holds %d MiB", secret.ErrTooLarge, maxBytes>>20)

// page is a text in the making. It is full of secrets: what it no longer needs
// of its memory it wipes.
type page struct {
	b     []byte
	value []byte // the value at hand
	full  bool   // there was more than fits; nothing is added any more
}

func (p *page) add(s string) {
	if p.room(len(s)) {
		p.b = append(p.b, s...)
	}
}

func (p *page) addBytes(b []byte) {
	if p.room(len(b)) {
		p.b = append(p.b, b...)
	}
}

func (p *page) addByte(c byte) {
	if p.room(1) {
		p.b = append(p.b, c)
	}
}

// room makes room for n bytes more.
func (p *page) room(n int) bool {
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
func (p *page) take(v secret.Value) []byte {
	if v.Len() > cap(p.value) {
		clear(p.value)
		p.value = make([]byte, v.Len())
	}
	p.value = p.value[:cap(p.value)]
	clear(p.value[v.CopyAt(p.value, 0):])
	return p.value[:v.Len()]
}

// text returns a copy of the text, straight into locked memory.
func (p *page) text() secret.Value {
	return secret.NewValue(unsafe.String(unsafe.SliceData(p.b), len(p.b)))
}

func (p *page) wipe() {
	clear(p.b)
	clear(p.value[:cap(p.value)])
}
