package pagecache

import "sync"

// Listing is the rule for the listing that the kernel keeps of a directory. It
// is one for the inode and not for each open, and go-fuse has no way to have it
// dropped at open: so it is used for one listing at a time, and before it is used
// for another, nobody may have the old one open and the kernel must have dropped
// it.
//
// The zero value is a directory of which the kernel keeps no listing.
type Listing struct {
	mu       sync.Mutex // guards what follows; the kernel is not told anything under it
	kept     uint64     // fingerprint of what the kernel keeps; 0: nothing
	opens    int        // that fill or show it
	outdated bool       // it has to be dropped before another open may use it
	unknown  bool       // no open may use it any more
}

// Open reports whether an open of a listing with that fingerprint (never 0) may
// fill and show what the kernel keeps; then Close has to be called. If not, it
// may after a Drop.
func (l *Listing) Open(print uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unknown {
		return false
	}
	if l.outdated || l.kept != 0 && l.kept != print {
		l.outdated = true
		return false
	}
	l.kept = print
	l.opens++
	return true
}

// Inherit says that the kernel may keep a listing from a process before this one, and
// that somebody may have one open that fills it: it is not used until the kernel has
// let go of the inode.
func (l *Listing) Inherit() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unknown, l.outdated = true, true
}

// Close is the end of an open for which Open returned true.
func (l *Listing) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opens--
}

// Outdate says that what the kernel keeps may not be shown to anybody any more.
func (l *Listing) Outdate() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outdated = l.kept != 0
}

// Drop has forget make the kernel drop an outdated listing, and then lets a new
// one take its place if nobody has the old one open.
func (l *Listing) Drop(forget func()) {
	l.mu.Lock()
	outdated := l.outdated
	l.mu.Unlock()
	if !outdated {
		return
	}
	forget()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opens == 0 || l.unknown {
		l.kept, l.outdated = 0, false
	}
}
