package cache

import (
	"container/list"
	"slices"
	"time"

	"infisicalfs/cache/internal/snapshot"
	"infisicalfs/secret"
)

// store holds the entries in the order of their use and bounds them in number,
// bytes and idle time. [Cache.mu] guards it.
type store struct {
	entries   map[secret.Dir]*entry
	order     list.List // of *entry, last used first
	snapshots int
	bytes     int64
	maxBytes  int64
	idle      time.Duration
	timer     *time.Timer // set while there are entries; calls sweep
	sweep     func()
}

func (s *store) init(cfg Config, sweep func()) {
	s.entries = map[secret.Dir]*entry{}
	s.maxBytes = cfg.MaxBytes
	s.idle = max(cfg.MaxStale, cfg.TTL)
	s.sweep = sweep
}

// use returns dir's entry for a caller, which puts off its removal.
func (s *store) use(dir secret.Dir, now time.Time) *entry {
	e := s.get(dir, now)
	e.used = now
	s.order.MoveToFront(e.elem)
	s.arm()
	return e
}

// get returns dir's entry and makes it if there is none.
func (s *store) get(dir secret.Dir, now time.Time) *entry {
	if e := s.entries[dir]; e != nil {
		return e
	}
	e := &entry{dir: dir, used: now}
	e.elem = s.order.PushFront(e)
	s.entries[dir] = e
	s.resize(e)
	s.arm()
	return e
}

// append makes an entry for dir, of which there is none, that was used before all others.
// It returns nil if there is no room.
func (s *store) append(dir secret.Dir, used time.Time) *entry {
	if last := s.oldest(); last != nil && used.After(last.used) {
		used = last.used // by a process that serves while this one begins
	}
	e := &entry{dir: dir, used: used}
	e.elem = s.order.PushBack(e)
	s.entries[dir] = e
	s.resize(e)
	if s.entries[dir] != e {
		return nil
	}
	return e
}

// rearm sets the timer anew, for what was used last.
func (s *store) rearm(now time.Time) {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	if last := s.oldest(); last != nil {
		s.timer = time.AfterFunc(max(last.used.Add(s.idle).Sub(now), 0), s.sweep)
	}
}

func (s *store) arm() {
	if s.timer == nil {
		s.timer = time.AfterFunc(s.idle, s.sweep)
	}
}

// put makes snap, which may be nil, the content of e.
func (s *store) put(e *entry, snap *secret.Folder, born uint64) {
	if s.entries[e.dir] != e {
		return // it had to go already
	}
	if e.snap != nil {
		s.snapshots--
	}
	if snap != nil {
		s.snapshots++
	}
	e.snap, e.born = snap, born
	e.suspect, e.invalid, e.holes, e.revoked = false, false, false, false
	e.dependent, e.unclear, e.refs, e.flight = false, nil, nil, 0
	s.resize(e)
}

// resize accounts for e's size and makes room, if need be by removing e too.
func (s *store) resize(e *entry) {
	s.bytes -= e.size
	e.size = entryOverhead + int64(len(e.dir.Project)+len(e.dir.Env)+len(e.dir.Path)) + snapshot.Size(e.snap)
	s.bytes += e.size
	for s.bytes > s.maxBytes || len(s.entries) > maxEntries {
		s.remove(s.oldest())
	}
}

func (s *store) oldest() *entry {
	if back := s.order.Back(); back != nil {
		return back.Value.(*entry)
	}
	return nil
}

func (s *store) remove(e *entry) {
	if e.snap != nil {
		s.snapshots--
	}
	s.bytes -= e.size
	s.order.Remove(e.elem)
	delete(s.entries, e.dir)
}

// removeIdle removes what nobody used for too long, and sets the timer for the
// next one. Entries stay for as long after their use as watched says, if it says
// so at all; those whose time is up are not removed but returned.
func (s *store) removeIdle(now time.Time, watched func(*entry) time.Duration) (ended []*entry) {
	var waits []time.Duration
	for elem := s.order.Back(); elem != nil; {
		e := elem.Value.(*entry)
		elem = elem.Prev()
		if wait := e.used.Add(s.idle).Sub(now); wait > 0 {
			waits = append(waits, wait)
			break // the others were used later
		}
		life := watched(e)
		wait := e.used.Add(life).Sub(now)
		switch {
		case life == 0:
			s.remove(e)
		case wait <= 0:
			ended = append(ended, e)
		case len(waits) == 0: // the longest unused
			waits = append(waits, max(wait, time.Second)) // each sweep passes over all of them
		}
	}
	s.timer = nil
	if len(waits) > 0 {
		s.timer = time.AfterFunc(slices.Min(waits), s.sweep)
	}
	return ended
}

func (s *store) forgetErrors() {
	for _, e := range s.entries {
		e.forgetErrors()
	}
}

func (s *store) clear() {
	clear(s.entries)
	s.order.Init()
	s.snapshots, s.bytes = 0, 0
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// entryOverhead is an entry, its list element, its place in the map and the
// errors that it remembers.
const entryOverhead = 768
