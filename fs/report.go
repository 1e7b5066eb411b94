package fs

import (
	"fmt"
	"maps"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"infisicalfs/secret"
)

// reportEvery is how often the same kind of failure makes a line in the log.
const reportEvery = time.Second

// reports counts failures and keeps the log from being flooded by a program
// that tries again and again.
type reports struct {
	mu      sync.Mutex // guards what follows
	counted map[string]uint64
	lines   map[failure]*line
}

type failure struct {
	op     string
	errno  syscall.Errno
	reason string // where the errno does not tell enough
}

// maxKinds bounds how many kinds of failure are told apart.
const maxKinds = 256

type line struct {
	last       time.Time // when it was logged
	suppressed int       // how often it was not, since then
}

// failed returns the errno for err, counts it and logs it with what the number
// cannot carry. Absent names and callers who gave up are neither counted nor
// logged: they are everyday life.
func (f *FS) failed(op, path string, err error) syscall.Errno {
	return f.failedAs(op, path, err, errnoOf(err))
}

// failedAs is failed where the table has another errno.
func (f *FS) failedAs(op, path string, err error, errno syscall.Errno) syscall.Errno {
	what := failure{op: op, errno: errno}
	if errno == syscall.EPERM {
		what.reason = err.Error()
		reason := op + " " + path + ": " + err.Error()
		f.writes.lastRefusal.Store(&reason)
	}
	if errno == syscall.ENOENT || errno == syscall.EINTR {
		return errno
	}
	if suppressed, ok := f.reports.add(what, time.Now()); ok {
		f.log.Warn("operation failed", "op", op, "path", path,
			"errno", unix.ErrnoName(errno), "error", err, "suppressed", suppressed)
	}
	return errno
}

// add counts one failure. If it is to be logged, it also returns how many of
// the same kind were not logged since the last line.
func (r *reports) add(what failure, now time.Time) (suppressed int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counted == nil {
		r.counted = make(map[string]uint64)
	}
	if r.lines == nil || len(r.lines) >= maxKinds {
		r.lines = make(map[failure]*line)
	}
	r.counted[unix.ErrnoName(what.errno)]++
	l := r.lines[what]
	if l == nil {
		l = &line{}
		r.lines[what] = l
	} else if now.Sub(l.last) < reportEvery {
		l.suppressed++
		return 0, false
	}
	suppressed, l.suppressed, l.last = l.suppressed, 0, now
	return suppressed, true
}

func (r *reports) counts() map[string]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.counted)
}

// notices knows what was logged already.
type notices struct {
	mu    sync.Mutex // guards texts
	texts map[string]bool
}

// maxNotices bounds what is remembered; past it things are logged again.
const maxNotices = 1000

// first reports whether err has not been logged yet of a secret.
func (n *notices) first(dir secret.Dir, name string, err error) bool {
	text := fmt.Sprintf("%s %q: %v", dir, name, err)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.texts[text] {
		return false
	}
	if n.texts == nil || len(n.texts) >= maxNotices {
		n.texts = make(map[string]bool)
	}
	n.texts[text] = true
	return true
}
