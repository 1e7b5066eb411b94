package procend

import (
	"sync"
	"time"

	"infisicalfs/fs/internal/caller"
)

// Lifetime is that of a process on whose end something waits.
type Lifetime struct {
	Who  caller.Process  // nobody if it is not known
	Over <-chan struct{} // closed at its end; never for a process that cannot be watched

	// What follows is set before Over is closed.
	How How
	At  time.Time

	uses int    // guarded by [Lifetimes.mu]
	stop func() // ends the watch; nil without one
}

// Ended reports whether the process is known to have ended.
func (l *Lifetime) Ended() bool {
	select {
	case <-l.Over:
		return true
	default:
		return false
	}
}

// Lifetimes watches processes, each once however many things wait for it. The
// zero value is ready, and safe for concurrent use.
type Lifetimes struct {
	Watch func(pid int, ended func(How)) (stop func(), err error) // nil: [Watch]; set before the first use

	mu    sync.Mutex // guards known and the uses of all in it; processes are watched under it, which does not wait
	known map[caller.Process]*Lifetime
}

// Of returns the lifetime of a process that is waiting for an answer of ours, so
// that its number is its own. The caller releases it.
func (m *Lifetimes) Of(who caller.Process) *Lifetime {
	over := make(chan struct{})
	if !who.Known() {
		return &Lifetime{Over: over}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if known := m.known[who]; known != nil && !known.Ended() {
		known.uses++
		return known
	}
	l := &Lifetime{Who: who, Over: over, uses: 1}
	watch := m.Watch
	if watch == nil {
		watch = Watch
	}
	l.stop, _ = watch(who.PID, func(how How) { // an error means that its end cannot be known
		l.How, l.At = how, time.Now()
		close(over)
	})
	if m.known == nil {
		m.known = make(map[caller.Process]*Lifetime)
	}
	m.known[who] = l
	return l
}

// Retain returns a lifetime that the caller has for one more use.
func (m *Lifetimes) Retain(l *Lifetime) *Lifetime {
	m.mu.Lock()
	defer m.mu.Unlock()
	l.uses++
	return l
}

// Release is the opposite of Of and Retain. Nil has nothing to release.
func (m *Lifetimes) Release(l *Lifetime) {
	if l == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if l.uses--; l.uses == 0 && l.stop != nil {
		l.stop()
	}
	if l.uses == 0 && m.known[l.Who] == l {
		delete(m.known, l.Who)
	}
}

// Watched returns how many processes are watched.
func (m *Lifetimes) Watched() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.known)
}
