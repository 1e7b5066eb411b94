package fs

import (
	"hash/maphash"
	"sync"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// dirPages is the listing that the kernel keeps of a directory. It is one for
// the directory and not for each open, and go-fuse has no way to have it dropped
// at open: so it is used for one listing at a time, and before it is used for
// another, nobody may have the old one open and the kernel must have dropped it.
type dirPages struct {
	mu   sync.Mutex // guards what follows; the kernel is not told anything under it
	held uint64     // fingerprint of the listing; 0: there is none
	open int        // listings open that fill or show it
	old  bool       // it has to be dropped before another open may use it
}

// use reports whether a listing with that fingerprint may fill and show what the
// kernel keeps; then close has to be called. If not, drop may be of use.
func (p *dirPages) use(print uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.old || p.held != 0 && p.held != print {
		p.old = true
		return false
	}
	p.held = print
	p.open++
	return true
}

// close is the end of a listing for which use returned true.
func (p *dirPages) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open--
}

// outdate says that what the kernel keeps may not be shown to anybody any more.
func (p *dirPages) outdate() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.old = p.held != 0
}

// drop has forget make the kernel drop an old listing, and then lets a new one
// take its place if nobody has the old one open.
func (p *dirPages) drop(forget func()) {
	p.mu.Lock()
	old := p.old
	p.mu.Unlock()
	if !old {
		return
	}
	forget()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == 0 {
		p.held, p.old = 0, false
	}
}

var listingSeed = maphash.MakeSeed()

// fingerprint tells listings apart. It is never 0.
func fingerprint(entries []fuse.DirEntry) uint64 {
	var h maphash.Hash
	h.SetSeed(listingSeed)
	for _, e := range entries {
		maphash.WriteComparable(&h, e.Ino)
		maphash.WriteComparable(&h, e.Mode)
		h.WriteString(e.Name)
		h.WriteByte(0)
	}
	return max(1, h.Sum64())
}
