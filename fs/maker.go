package fs

import (
	"sync"
	"time"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/procend"
)

// maker is a process on whose end something waits: it has made a file that may
// be temporary, or put a secret aside.
type maker struct {
	who  caller.Process // the zero process if it is not known
	over chan struct{}  // closed at its end; never for a process that cannot be watched

	// What follows is set before over is closed.
	how procend.How
	at  time.Time

	uses int    // guarded by [makers.mu]
	stop func() // ends the watch; nil without one
}

// makers watches processes, each once however many files wait for it.
type makers struct {
	mu    sync.Mutex // guards known and the uses of all in it; processes are watched under it, which does not wait
	known map[caller.Process]*maker
	watch func(pid int, ended func(procend.How)) (stop func(), err error) // nil: [procend.Watch]
}

// of returns the maker for a process that is waiting for an answer of ours, so
// that its number is its own. The caller releases it.
func (m *makers) of(who caller.Process) *maker {
	if !who.Known() {
		return &maker{over: make(chan struct{})}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if known := m.known[who]; known != nil && !known.ended() {
		known.uses++
		return known
	}
	mk := &maker{who: who, over: make(chan struct{}), uses: 1}
	watch := m.watch
	if watch == nil {
		watch = procend.Watch
	}
	mk.stop, _ = watch(who.PID, func(how procend.How) { // an error means that its end cannot be known
		mk.how, mk.at = how, time.Now()
		close(mk.over)
	})
	if m.known == nil {
		m.known = make(map[caller.Process]*maker)
	}
	m.known[who] = mk
	return mk
}

// retain returns a maker that the caller has for one more use.
func (m *makers) retain(mk *maker) *maker {
	m.mu.Lock()
	defer m.mu.Unlock()
	mk.uses++
	return mk
}

// release is the opposite of of. Nil has nothing to release.
func (m *makers) release(mk *maker) {
	if mk == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if mk.uses--; mk.uses == 0 && mk.stop != nil {
		mk.stop()
	}
	if mk.uses == 0 && m.known[mk.who] == mk {
		delete(m.known, mk.who)
	}
}

// ended reports whether the process is known to have ended.
func (mk *maker) ended() bool {
	select {
	case <-mk.over:
		return true
	default:
		return false
	}
}
