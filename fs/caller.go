package fs

import (
	"context"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// process is who calls us. FUSE names threads, so it is the number of the
// thread's process; and as numbers are used again, another that the kernel gives
// to each process once (Linux 6.9; 0 where it does not). The zero process is
// nobody: FUSE says pid 0 for callers whom our pid namespace does not know, and
// whoever has ended cannot be looked up.
type process struct {
	pid  int
	once uint64
}

func (p process) known() bool { return p.pid != 0 }

// other reports whether q is certainly another process than p.
func (p process) other(q process) bool { return p.known() && q.known() && p != q }

// callerOf returns uid and thread of who makes the request.
func callerOf(ctx context.Context) fuse.Caller {
	if caller, ok := fuse.FromContext(ctx); ok {
		return *caller
	}
	return fuse.Caller{}
}

// callers looks processes up in /proc and remembers them for a moment, as most
// make many calls.
type callers struct {
	mu   sync.Mutex // guards seen
	seen map[uint32]sighting
}

type sighting struct {
	who process
	at  time.Time
}

const (
	sightingLasts = time.Second
	maxSightings  = 256
)

// of returns the process that makes the request.
func (c *callers) of(ctx context.Context) process {
	thread := callerOf(ctx).Pid
	if thread == 0 {
		return process{}
	}
	now := time.Now()
	c.mu.Lock()
	known, ok := c.seen[thread]
	c.mu.Unlock()
	if ok && now.Sub(known.at) < sightingLasts {
		return known.who
	}
	who := processOf(thread)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil || len(c.seen) >= maxSightings {
		c.seen = make(map[uint32]sighting)
	}
	c.seen[thread] = sighting{who, now}
	return who
}

// processOf returns the process of a thread, nobody if it cannot be found out.
func processOf(thread uint32) process {
	status, err := readStatus(thread)
	if err != nil {
		return process{}
	}
	return process{status.process, uniqueNumber(status.process)}
}

// parentOf returns the process that has started who, nobody if that cannot be
// found out.
func parentOf(who process) process {
	if !who.known() {
		return process{}
	}
	status, err := readStatus(uint32(who.pid))
	if err != nil || status.parent == 0 {
		return process{}
	}
	return processOf(uint32(status.parent))
}

// killed reports whether the thread is on its way out because of a signal. The
// kernel closes the files of such a process as if it had done so itself. What
// cannot be found out is an ordinary close.
func killed(thread uint32) bool {
	if thread == 0 {
		return false
	}
	status, err := readStatus(thread)
	if err != nil || status.hasMemory {
		return false // and its stat must not be read: see there
	}
	stat, err := readStat(thread)
	return err == nil && stat.exiting && stat.signal != 0
}

// wantsOut reports whether a signal waits for the thread that is about to end
// it, or that people and programs use to make it stop what it does. Any other
// signal that a program handles, such as the end of a child, interrupts a
// request as well, but is no wish to abandon it.
func wantsOut(thread uint32) bool {
	if thread == 0 {
		return true
	}
	s, err := readStatus(thread)
	if err != nil {
		return true
	}
	waiting := s.pending &^ s.blocked &^ s.ignored
	return waiting&stopping != 0 || waiting&^s.caught&^harmless != 0
}
