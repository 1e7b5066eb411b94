// Package caller says who makes a FUSE request, as far as /proc tells: which
// process a thread belongs to, whether a signal is about to end it, and the few
// things besides that a file system has to know of programs to treat their files
// rightly.
//
// A request names a thread and a user. Ask a [Processes] for the process:
//
//	var processes caller.Processes
//	who := processes.Of(request.Pid)
//
// A thread's number is its own while it waits for the answer to its request, so
// ask before that is sent. The thread 0 is somebody whom our pid namespace does
// not know. What cannot be found out is said for each function; none fails, and
// none asks the file system that a file is on, which would be ourselves.
package caller

import (
	"encoding/json"
	"sync"
	"time"
)

// Process is a process that makes requests. As the numbers of processes are used
// again, there is another that the kernel gives to each process once (Linux 6.9;
// 0 where it does not). Two values are equal if they are the same process. The zero
// Process is nobody: who has ended, or is not in our pid namespace.
type Process struct {
	PID  int
	once uint64
}

// passport is a Process for another process of ours, which is in the same pid namespace.
type passport struct {
	PID  int    `json:"pid"`
	Once uint64 `json:"once,omitempty"`
}

// MarshalJSON writes p for another process of ours in the same pid namespace.
func (p Process) MarshalJSON() ([]byte, error) { return json.Marshal(passport{p.PID, p.once}) }

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Process) UnmarshalJSON(text []byte) error {
	var is passport
	err := json.Unmarshal(text, &is)
	*p = Process{is.PID, is.Once}
	return err
}

// Known reports whether p is somebody.
func (p Process) Known() bool { return p.PID != 0 }

// Other reports whether q is certainly another process than p. Of nobody that is
// never certain.
func (p Process) Other(q Process) bool { return p.Known() && q.Known() && p != q }

// Of returns the process of a thread, nobody if it cannot be found out.
func Of(thread uint32) Process {
	status, err := readStatus(thread)
	if err != nil {
		return Process{}
	}
	return Process{status.process, uniqueNumber(status.process)}
}

// Parent returns the process that has started p, nobody if that cannot be found
// out.
func (p Process) Parent() Process {
	if !p.Known() {
		return Process{}
	}
	status, err := readStatus(uint32(p.PID))
	if err != nil || status.parent == 0 {
		return Process{}
	}
	return Of(uint32(status.parent))
}

// Processes looks processes up in /proc and remembers them for a moment, as most
// make many requests. The zero value is ready, and safe for concurrent use.
type Processes struct {
	mu   sync.Mutex // guards seen
	seen map[uint32]sighting
}

type sighting struct {
	who Process
	at  time.Time
}

const (
	sightingLasts = time.Second
	maxSightings  = 256
)

// Of returns the process of a thread, nobody if it cannot be found out.
func (c *Processes) Of(thread uint32) Process {
	if thread == 0 {
		return Process{}
	}
	now := time.Now()
	c.mu.Lock()
	known, ok := c.seen[thread]
	c.mu.Unlock()
	if ok && now.Sub(known.at) < sightingLasts {
		return known.who
	}
	who := Of(thread)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil || len(c.seen) >= maxSightings {
		c.seen = make(map[uint32]sighting)
	}
	c.seen[thread] = sighting{who, now}
	return who
}

// Program returns what the kernel calls the program of a thread, at most 15
// characters of its file's name; "" if that cannot be found out.
func Program(thread uint32) string {
	if thread == 0 {
		return ""
	}
	return readName(thread)
}
