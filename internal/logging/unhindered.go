package logging

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// unhindered hands lines on to a writer that may not take any for long: a terminal on
// which somebody typed ^S, a pipe that nobody reads. Who logs is answering the kernel,
// so he waits for a moment, once; from then on lines are queued, and in the end
// counted, until the writer goes on.
type unhindered struct {
	out io.Writer

	mu      sync.Mutex // guards what follows; nothing is written under it
	queue   []*logLine
	busy    bool // a goroutine is writing
	stuck   bool // it was waited for in vain
	dropped int  // lines that there was no room for
}

type logLine struct {
	text    []byte
	written chan struct{} // closed when it was
}

const (
	maxLogLines = 1000
	// writeTimeout is long enough for any disk. A line that is written in time is not
	// lost when the process ends.
	writeTimeout = 250 * time.Millisecond
)

// Write takes one line. It never fails.
func (u *unhindered) Write(text []byte) (int, error) {
	l, stuck := u.add(text)
	if l == nil || stuck {
		return len(text), nil
	}
	late := time.NewTimer(writeTimeout)
	defer late.Stop()
	select {
	case <-l.written:
	case <-late.C:
		u.mu.Lock()
		u.stuck = u.busy
		u.mu.Unlock()
	}
	return len(text), nil
}

func (u *unhindered) add(text []byte) (l *logLine, stuck bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.queue) >= maxLogLines {
		u.dropped++
		return nil, true
	}
	l = &logLine{slices.Clone(text), make(chan struct{})}
	u.queue = append(u.queue, l)
	if !u.busy {
		u.busy = true
		go u.drain()
	}
	return l, u.stuck
}

func (u *unhindered) drain() {
	for l := u.next(); l != nil; l = u.next() {
		u.out.Write(l.text)
		close(l.written)
	}
}

// next returns the line to write, nil if there is none. What was dropped is said as
// soon as there is room again.
func (u *unhindered) next() *logLine {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.queue) == 0 && u.dropped > 0 {
		text := fmt.Appendf(nil, "level=WARN msg=\"the log was not read: lines are missing here\" lines=%d\n", u.dropped)
		u.dropped = 0
		return &logLine{text, make(chan struct{})}
	}
	if len(u.queue) == 0 {
		u.queue, u.busy, u.stuck = nil, false, false
		return nil
	}
	l := u.queue[0]
	u.queue = u.queue[1:]
	return l
}
