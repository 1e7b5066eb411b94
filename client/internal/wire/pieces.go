package wire

import (
	"slices"
	"unsafe"

	"infisicalfs/secret"
)

// The lengths of pieces. Each is twice as long as the one before.
const (
	firstPiece   = 4
	longestPiece = 128 << 10 / int(unsafe.Sizeof(secret.Secret{}))
)

// pieces is a list of secrets while it is read, of which nobody knows how long it
// gets. A long slice that grows by append is copied again and again, and leaves five
// times its memory behind in the end; pieces are copied once.
type pieces struct {
	full   [][]secret.Secret
	last   []secret.Secret
	values secret.Batch // of the list
}

// next adds a secret to the list, for the caller to fill in at once.
func (p *pieces) next() *secret.Secret {
	n := len(p.last)
	if n == cap(p.last) {
		if n == firstPiece {
			p.full = make([][]secret.Secret, 0, 32)
		}
		if n > 0 {
			p.full = append(p.full, p.last)
		}
		p.last = make([]secret.Secret, 0, min(max(firstPiece, 2*n), longestPiece))
	}
	p.last = append(p.last, secret.Secret{})
	return &p.last[len(p.last)-1]
}

// join returns the list in one piece.
func (p *pieces) join() []secret.Secret {
	if len(p.full) == 0 {
		return p.last
	}
	return slices.Concat(append(p.full, p.last)...)
}
