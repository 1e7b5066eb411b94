package fs

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/secret"
)

const (
	// oneRead is the most that a READ asks for. What fits into one is in the
	// kernel's memory as a whole or not at all; the rest is read with direct I/O.
	oneRead = 128 << 10
	// changeWaits is how long a new version waits for those who are reading the
	// old one.
	changeWaits = 250 * time.Millisecond
)

// several says that the kernel was told several sizes of a file, or has made one
// up while somebody wrote. It passes over what answers a question that it asked
// before it learnt something else, so from then on nobody can know what it
// believes, until it has let go of the file and knows nothing.
const several = math.MaxUint64

// pages is what the kernel remembers of one secret's file: its pages and its
// size. They belong to the file, not to who opened it, so for everybody to read
// one version or an error, these rules hold:
//
//   - A file is opened with the cache only if nobody else has it open with
//     another version, and the kernel has never been told of another size.
//     Otherwise it is opened with direct I/O, which asks the handle's own version.
//     So after a change the kernel is made to let go of the file, which it does
//     when nobody uses it: then it begins anew.
//   - The kernel keeps pages from one open to the next only if an open that
//     dropped older ones is known to have come to its end.
//   - A new version waits a moment for those who read the old one. Meanwhile
//     everybody is shown the old one, who comes now with direct I/O. Then the
//     kernel is told, and who still has the old one open reads what is in memory
//     of it, or ESTALE.
//   - While somebody writes, all is direct: what the kernel makes of a write
//     changes size and pages for everybody.
type pages struct {
	// epoch grows when the handles that are open with the cache are outdated.
	epoch atomic.Uint64

	mu      sync.Mutex     // guards what follows; the kernel is not told anything under it
	shown   *secret.Secret // what handles with the cache have, or what is kept; nil without, and once it is outdated
	leaving bool           // a newer version than shown is known,
	since   time.Time      // from then on
	cached  int            // handles open with the cache, outdated ones included
	idle    chan struct{}  // closed when there are none; nil if nobody waits for that
	writers int
	held    uint64 // fingerprint of what pages may be of; 0: there are none
	filled  bool   // and an open that dropped all others has come to its end
	told    uint64 // fingerprint of the one version that the kernel was told the size of; 0: none yet; or several
}

// show returns what is to be shown of a file whose newest version is s, and
// whether that is an older one, whose time is up soon. What is kept is shown
// until it is dropped, whether a handle has it or not: the kernel may have it.
func (p *pages) show(s *secret.Secret, keep bool) (_ *secret.Secret, late bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.choose(s, keep)
}

func (p *pages) choose(s *secret.Secret, keep bool) (_ *secret.Secret, late bool) {
	if keep && p.shown == nil {
		p.shown = s
	}
	switch {
	case p.shown == nil, sameContent(entry{secret: p.shown}, entry{secret: s}):
		return s, false
	case s.ID == p.shown.ID && s.Version < p.shown.Version:
		return p.shown, false // s was asked for before
	}
	p.leave()
	return p.shown, true
}

// tell is show for the kernel to remember.
func (p *pages) tell(s *secret.Secret, keep bool) (_ *secret.Secret, late bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	shown, late := p.choose(s, keep)
	switch print := shown.Value.Fingerprint(); p.told {
	case print:
	case 0:
		p.told = print
	default:
		p.told = several
	}
	return shown, late
}

// open decides how h, which has version s, is opened: the flags for the kernel,
// and whether it has to be told that it is wrong about the size.
func (p *pages) open(h *handle, s *secret.Secret) (flags uint32, wrong bool) {
	const direct = fuse.FOPEN_DIRECT_IO | fuse.FOPEN_KEEP_CACHE // or others would lose their pages
	print := s.Value.Fingerprint()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case h.epoch != p.epoch.Load():
		return direct, false // s may be older than what was published since it was asked for
	case p.told != print:
		return direct, p.told != several
	case p.leaving, p.writers > 0, s.Value.Len() > oneRead, p.cached > 0 && (p.shown == nil || p.held != print):
		return direct, false
	}
	if p.held != print {
		p.held, p.filled = print, false
	}
	h.cached = true
	p.shown = s
	p.cached++
	if p.filled {
		return fuse.FOPEN_KEEP_CACHE, false
	}
	return 0, false
}

// reading says that h reads, so that its open has come to its end.
func (p *pages) reading(h *handle) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h.epoch == p.epoch.Load() {
		p.filled = true
	}
}

// outdated reports whether what h has is no longer what pages may have.
func (p *pages) outdated(h *handle) bool { return h.cached && h.epoch != p.epoch.Load() }

// close is the end of a handle that was opened with the cache.
func (p *pages) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cached--
	if p.cached > 0 {
		return
	}
	p.shown, p.leaving = nil, false
	if p.idle != nil {
		close(p.idle)
		p.idle = nil
	}
}

// wait waits until nobody has a version open that is leaving, or its time is up.
func (p *pages) wait() {
	for {
		idle, left := p.patience()
		if left <= 0 {
			return
		}
		timer := time.NewTimer(left)
		select {
		case <-idle:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// patience returns for how long to wait for what is leaving, and what is closed
// when that is not needed any more.
func (p *pages) patience() (idle chan struct{}, left time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cached == 0 || !p.leaving {
		return nil, 0
	}
	if p.idle == nil {
		p.idle = make(chan struct{})
	}
	return p.idle, changeWaits - time.Since(p.since)
}

// leave is called with the lock held.
func (p *pages) leave() {
	if !p.leaving {
		p.leaving, p.since = true, time.Now()
	}
}

// newest notes that s is the newest version; nil: some other than is shown.
func (p *pages) newest(s *secret.Secret) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.shown == nil:
	case s == nil || !sameContent(entry{secret: p.shown}, entry{secret: s}):
		p.leave()
	default:
		p.leaving = false
	}
}

// drop outdates who has the file open with the cache, and then has forget make
// the kernel forget size and pages.
func (p *pages) drop(forget func()) {
	p.mu.Lock()
	p.outdate()
	p.mu.Unlock()
	forget()
}

// renew shows the newest version: it is drop, after waiting for who reads what
// is leaving. If the file is open in the newest version, the kernel need only
// ask for the attributes again.
func (p *pages) renew(forget, ask func()) {
	for {
		current, early := p.turn()
		switch {
		case early:
			p.wait()
			continue
		case current:
			ask()
		default:
			forget()
		}
		return
	}
}

// turn outdates what is leaving. It is too early for that while somebody has it
// open whose time is not up, and needless if what is shown is current.
func (p *pages) turn() (current, early bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.shown != nil && !p.leaving:
		return true, false
	case p.cached > 0 && p.leaving && time.Since(p.since) < changeWaits:
		return false, true
	}
	p.outdate()
	return false, false
}

// outdate is called with the lock held.
func (p *pages) outdate() {
	p.epoch.Add(1)
	p.shown, p.leaving, p.held, p.filled = nil, false, 0, false
}

// inUse reports whether the file is open with the cache.
func (p *pages) inUse() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cached > 0
}

// beginWriting keeps the cache out of what is opened from now on.
func (p *pages) beginWriting() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writers++
	p.told = several
}

// endWriting is the opposite.
func (p *pages) endWriting() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writers--
}
