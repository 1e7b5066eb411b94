package pagecache

import (
	"time"

	"infisicalfs/secret"
)

// SetNewest notes that s is the newest version; nil: one that is not known, and
// not what is served.
func (f *File) SetNewest(s *secret.Secret) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.served == nil:
	case s == nil || !sameBytes(f.served, s):
		f.supersede()
	default:
		f.served, f.superseded = s, false
	}
}

// supersede is called with the lock held.
func (f *File) supersede() {
	if !f.superseded {
		f.superseded, f.supersededAt = true, time.Now()
	}
}

// Publish makes the newest version the one that is served: it is Drop, after
// waiting for those who read what is superseded. If the newest is served already,
// the kernel need only be made to ask for the attributes again (ask).
func (f *File) Publish(forget, ask func()) {
	for {
		switch f.next() {
		case waits:
			f.WaitForReaders()
		case current:
			ask()
			return
		case outdated:
			forget()
			return
		}
	}
}

// step is what a publication has to do next.
type step int

const (
	waits    step = iota // for those who have the old version open
	current              // nothing: what is served is the newest
	outdated             // tell the kernel: opens are outdated now
)

func (f *File) next() step {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.served != nil && !f.superseded:
		return current
	case f.opens > 0 && f.superseded && time.Since(f.supersededAt) < ReaderWait:
		return waits
	}
	f.outdate()
	return outdated
}

// WaitForReaders waits until nobody has a superseded version open, or its time
// is up.
func (f *File) WaitForReaders() {
	for {
		noOpens, left := f.left()
		if left <= 0 {
			return
		}
		timer := time.NewTimer(left)
		select {
		case <-noOpens:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// left returns for how long readers of a superseded version are to be waited
// for, and what is closed when that is not needed any more.
func (f *File) left() (noOpens <-chan struct{}, _ time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.opens == 0 || !f.superseded {
		return nil, 0
	}
	if f.noOpens == nil {
		f.noOpens = make(chan struct{})
	}
	return f.noOpens, ReaderWait - time.Since(f.supersededAt)
}
