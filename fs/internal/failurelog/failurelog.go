// Package failurelog keeps a log readable while something fails again and again:
// [Failures] counts all failures and lets one of a kind be logged each second, with
// how many were left out; [Once] lets what does not change be logged once. Neither
// writes a log: callers ask, and write.
//
//	if suppressed, ok := failures.Add(failurelog.Kind{Op: "open", Errno: syscall.EIO}, time.Now()); ok {
//		log.Warn("operation failed", "op", "open", "suppressed", suppressed)
//	}
//
// Both are safe for concurrent use, and bounded: after a flood of different things
// some are logged again that need not be.
package failurelog

import (
	"maps"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Every is how often the same kind of failure makes a line in the log.
const Every = time.Second

// Failures counts failures and says which are to be logged. The zero value is ready.
type Failures struct {
	mu      sync.Mutex // guards what follows
	counted map[string]uint64
	lines   map[Kind]*line
}

// Kind is what failures have in common of which one a second is logged.
type Kind struct {
	Op     string
	Errno  syscall.Errno
	Reason string // where the errno does not tell enough
}

// maxKinds bounds how many kinds of failure are told apart.
const maxKinds = 256

type line struct {
	last       time.Time // when it was logged
	suppressed int       // how often it was not, since then
}

// Add counts one failure. If it is to be logged, it also returns how many of
// the same kind were not logged since the last line.
func (f *Failures) Add(what Kind, now time.Time) (suppressed int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counted == nil {
		f.counted = make(map[string]uint64)
	}
	if f.lines == nil || len(f.lines) >= maxKinds {
		f.lines = make(map[Kind]*line)
	}
	f.counted[unix.ErrnoName(what.Errno)]++
	l := f.lines[what]
	if l == nil {
		l = &line{}
		f.lines[what] = l
	} else if now.Sub(l.last) < Every {
		l.suppressed++
		return 0, false
	}
	suppressed, l.suppressed, l.last = l.suppressed, 0, now
	return suppressed, true
}

// Counts returns how many failures there were, by the name of their errno.
func (f *Failures) Counts() map[string]uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.counted)
}

// Once knows what was logged already and need not be again. The zero value is ready.
type Once struct {
	mu    sync.Mutex // guards texts
	texts map[string]bool
}

// maxTexts bounds what is remembered; past it things are logged again.
const maxTexts = 1000

// First reports whether it is asked about a text for the first time.
func (o *Once) First(text string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.texts[text] {
		return false
	}
	if o.texts == nil || len(o.texts) >= maxTexts {
		o.texts = make(map[string]bool)
	}
	o.texts[text] = true
	return true
}
