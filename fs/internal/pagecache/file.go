// Package pagecache decides what the kernel may keep of a file or a directory
// in its page cache, so that whoever reads sees one version whole, or an error.
//
// It is a rule and no cache: nothing of a value is kept here but the version
// that the kernel may have. It talks to nobody; the messages to the kernel are
// handed in as functions and are called without a lock.
package pagecache

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"infisicalfs/secret"
)

const (
	// OneRead is the most that a READ asks for, in bytes. A value that fits into
	// one is in the page cache as a whole or not at all; larger ones are read with
	// direct I/O.
	OneRead = 128 << 10
	// ReaderWait is how long a new version waits for those who read the old one.
	ReaderWait = 250 * time.Millisecond
)

// What File.sized is besides the fingerprint of a version, which is never one of these.
const (
	// noSize: the kernel was told no size yet.
	noSize = 0
	// severalSizes: it was told several, or has made one up while somebody wrote.
	// It passes over an answer to what it asked before it learnt something else,
	// so from then on nobody can know which size it believes, until it has let go
	// of the inode (FORGET) and knows nothing.
	severalSizes = math.MaxUint64
)

// Mode is how an open is answered.
type Mode int

const (
	// Direct: direct I/O, each READ asks the handle's own version. The pages of
	// others stay.
	Direct Mode = iota
	// DirectWrongSize is Direct, and the kernel believes in the size of another
	// version, which it should be made to forget.
	DirectWrongSize
	// Drop: with the page cache, and the kernel drops the pages that it has first.
	Drop
	// Keep: with the page cache, and the pages that are there are this version's.
	Keep
)

// Cached reports whether the open goes through the page cache.
func (m Mode) Cached() bool { return m == Drop || m == Keep }

// File is the rule for one inode. Pages and size belong to the inode and not to
// an open, so for everybody to read one version or an error, this holds:
//
//   - A file is opened with the page cache only if nobody else has it open so
//     with another version, and the kernel has never been told of another size.
//     Otherwise it is opened with direct I/O. So after a change the kernel is made
//     to let go of the inode, which it does when nobody uses it: then a new File
//     begins.
//   - Pages are kept from one open to the next only once they are complete: an
//     open that dropped those of other versions is known to have come to its end.
//   - A new version waits up to [ReaderWait] for those who have the old one open.
//     Meanwhile the old one is served to everybody, to who comes now with direct
//     I/O. Then the kernel is told, and who still has the old one open reads what
//     pages there are of it, or ESTALE.
//   - From the first write on all is direct: what the kernel makes of a write
//     changes size and pages for everybody.
//
// The zero value is a file of which the kernel knows nothing.
type File struct {
	// epoch grows when the opens with the page cache become outdated.
	epoch atomic.Uint64

	mu           sync.Mutex     // guards what follows; the kernel is not told anything under it
	served       *secret.Secret // the version of pages and of opens with the page cache, with its newest date; nil without, and once it is outdated
	opens        int32          // with the page cache, outdated ones included
	superseded   bool           // a newer version than served is known, since supersededAt
	complete     bool           // pages are of no other version: an open that dropped all others has come to its end
	supersededAt time.Time
	noOpens      chan struct{} // closed when opens falls to 0; nil if nobody waits for that
	sized        uint64        // fingerprint of the one version that the kernel was told the size of, or noSize, or severalSizes
	pages        uint64        // fingerprint of the version that pages may be of; 0: there are none
	told         int           // the size that the kernel was told last, in bytes
}

// Epoch is to be taken before the version to open is asked for: what was
// published in between makes that open direct.
func (f *File) Epoch() uint64 { return f.epoch.Load() }

// Serve returns which version is to be served of a file whose newest version is
// newest, and whether that is an older one, so that the newest waits to be
// published. With keep, newest is kept until it is dropped, whether it is open or
// not: for a kernel that opens files by itself.
func (f *File) Serve(newest *secret.Secret, keep bool) (served *secret.Secret, waiting bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.choose(newest, keep)
}

// TellSize is Serve for an answer with attributes: the kernel learns the size of
// what is served.
func (f *File) TellSize(newest *secret.Secret, keep bool) (served *secret.Secret, waiting bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	served, waiting = f.choose(newest, keep)
	f.told = served.Value.Len()
	switch print := served.Value.Fingerprint(); f.sized {
	case print:
	case noSize:
		f.sized = print
	default:
		f.sized = severalSizes
	}
	return served, waiting
}

// Told returns the size that the kernel was told last, in bytes. It ends there what it
// sends and maps of the file, whatever version that is of.
func (f *File) Told() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.told
}

// choose is called with the lock held.
func (f *File) choose(newest *secret.Secret, keep bool) (served *secret.Secret, waiting bool) {
	if keep && f.served == nil {
		f.served = newest
	}
	switch {
	case f.served == nil:
		return newest, false
	case newest.ID == f.served.ID && newest.Version < f.served.Version:
		return f.served, false // newest was asked for before
	case sameBytes(f.served, newest):
		f.served = newest
		return newest, false
	}
	f.supersede()
	return f.served, true
}

// Open decides how version s, which was asked for in that epoch, is opened. If
// the mode is Cached, Opened is to be called when the open is known to have come
// to its end, and Close at the RELEASE.
func (f *File) Open(epoch uint64, s *secret.Secret) Mode {
	f.mu.Lock()
	defer f.mu.Unlock()
	mode := f.mode(epoch, s.Value.Fingerprint(), s.Value.Len())
	if mode.Cached() {
		f.served = s
		f.opens++
	}
	return mode
}

// mode is called with the lock held.
func (f *File) mode(epoch, print uint64, size int) Mode {
	switch {
	case epoch != f.epoch.Load():
		return Direct // it may be older than what was published since
	case f.sized == severalSizes:
		return Direct
	case f.sized != print:
		return DirectWrongSize
	case f.superseded, size > OneRead:
		return Direct
	case f.opens > 0 && (f.served == nil || f.pages != print):
		return Direct // somebody has another version open
	}
	if f.pages != print {
		f.pages, f.complete = print, false
	}
	if f.complete {
		return Keep
	}
	return Drop
}

// Opened says that an open of that epoch, with the page cache, has come to its
// end, because something is done with it.
func (f *File) Opened(epoch uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if epoch == f.epoch.Load() {
		f.complete = true
	}
}

// Outdated reports whether what was opened with the page cache in that epoch is
// no longer what pages may be of.
func (f *File) Outdated(epoch uint64) bool { return epoch != f.epoch.Load() }

// Close is the end of an open with the page cache.
func (f *File) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opens--
	if f.opens > 0 {
		return
	}
	f.served, f.superseded = nil, false
	if f.noOpens != nil {
		close(f.noOpens)
		f.noOpens = nil
	}
}

// Exchange puts a copy of a version in its place, if that is what is served.
func (f *File) Exchange(s, copied *secret.Secret) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.served == s {
		f.served = copied
	}
}

// InUse reports whether the file is open with the page cache.
func (f *File) InUse() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opens > 0
}

// Wanted reports whether somebody has the version that pages may be of open with the page
// cache: who has an outdated one has lost them anyway.
func (f *File) Wanted() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opens > 0 && f.served != nil
}

// Drop makes what is open with the page cache outdated, and then has forget make
// the kernel forget size and pages.
func (f *File) Drop(forget func()) {
	f.mu.Lock()
	f.outdate()
	f.mu.Unlock()
	forget()
}

// outdate is called with the lock held.
func (f *File) outdate() {
	f.epoch.Add(1)
	f.served, f.superseded, f.pages, f.complete = nil, false, 0, false
}

// Inherit says that the kernel knows the file from a process before this one, and so
// what size and pages nobody can say: what is opened from now on is direct until it has
// let go of the inode.
func (f *File) Inherit() { f.Writing() }

// OpenInherited is the open of version s, which was asked for in that epoch, by a
// process before this one, with the page cache: the pages may be of that version and of
// no other. It reports false if another version is known by now; else Close is to be
// called at the RELEASE.
func (f *File) OpenInherited(epoch uint64, s *secret.Secret) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if epoch != f.epoch.Load() || f.superseded || f.served != nil && !sameBytes(f.served, s) {
		return false
	}
	f.served, f.pages = s, s.Value.Fingerprint()
	f.opens++
	return true
}

// Writing says that somebody writes to the file, or sets its dates: from now on
// the kernel makes up a size of its own, and all opens are direct until it has let
// go of the inode.
func (f *File) Writing() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sized = severalSizes
}

// sameBytes reports whether the pages of one version are those of the other. What else
// may differ, such as the date, is for the kernel to ask again and costs no reader
// anything: there are secrets without a date, whose file has that of an answer.
func sameBytes(a, b *secret.Secret) bool { return a.Hidden == b.Hidden && a.Value.Equal(b.Value) }

// SameContent reports whether two versions make no difference for a file: what
// is read of it, its date, and what its owner and mode may depend on.
func SameContent(a, b *secret.Secret) bool {
	return sameBytes(a, b) && a.Updated.Equal(b.Updated) && slices.Equal(a.Metadata, b.Metadata)
}
