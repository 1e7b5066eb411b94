package wire

import (
	"slices"

	"infisicalfs/secret"
)

// pieceLength is how many secrets a long list grows by.
const pieceLength = 256

// pieces is a list of secrets while it is read, of which nobody knows how long it
// gets. A long slice that grows by append is copied again and again, and leaves five
// times its memory behind in the end; pieces are copied once.
type pieces struct {
	full [][]secret.Secret // each of pieceLength
	last []secret.Secret
}

func (p *pieces) add(s secret.Secret) {
	if len(p.last) == pieceLength {
		p.full = append(p.full, p.last)
		p.last = make([]secret.Secret, 0, pieceLength)
	}
	p.last = append(p.last, s)
}

// join returns the list in one piece.
func (p *pieces) join() []secret.Secret {
	if len(p.full) == 0 {
		return p.last
	}
	return slices.Concat(append(p.full, p.last)...)
}
