package mounttable

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// OnLeaving calls do, once, when the mount table no longer has a mount of ours
// with that device number, or cannot be read: whoever keeps it alive shall not
// do so for longer than people can see it. stop ends the watch; do may still be
// called afterwards. It is called on a goroutine that others wait for, too, and shall
// not take long.
//
// However many mounts a process has, it has one goroutine for this, which looks once for a
// change of the table, and of what did not change only at the numbers, or not at all.
func OnLeaving(device int, do func()) (stop func(), err error) {
	return theWatch.add(&waiter{device: device, do: do})
}

// waiter is one call of OnLeaving.
type waiter struct {
	device int
	do     func()
	after  uint64 // which look it came after; guarded by tableWatch.mu
}

// tableWatch watches the mount table for all of a process.
type tableWatch struct {
	mu      sync.Mutex // guards what follows; nobody is called while it is held
	waiters map[*waiter]bool
	looks   uint64 // how often the goroutine has begun to look
	fresh   bool   // there are waiters that came after the last look
	wake    int    // the end of a pipe that wakes the goroutine; valid while there are waiters
}

var theWatch tableWatch

// add has the goroutine look after w, and starts it for the first one.
func (t *tableWatch) add(w *waiter) (stop func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiters) == 0 {
		if err := t.start(); err != nil {
			return nil, err
		}
	}
	t.waiters[w], w.after, t.fresh = true, t.looks, true
	t.nudge() // what left before it was added is not reported again
	return sync.OnceFunc(func() { t.remove(w) }), nil
}

// start is called with the lock held.
func (t *tableWatch) start() error {
	table, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		unix.Close(table)
		return err
	}
	t.waiters, t.wake = map[*waiter]bool{}, pipe[1]
	go t.run(table, pipe[0])
	return nil
}

func (t *tableWatch) remove(w *waiter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiters[w] {
		delete(t.waiters, w)
		t.finish()
	}
}

// finish has the goroutine end if nobody waits any more. The lock is held.
func (t *tableWatch) finish() {
	if len(t.waiters) == 0 {
		unix.Close(t.wake) // which the goroutine sees; the next waiter has another goroutine
	}
}

// nudge has the goroutine look again. A pipe that is full does that too.
func (t *tableWatch) nudge() { _, _ = unix.Write(t.wake, []byte{0}) }

// rests is how much longer the goroutine rests than it has looked, so that a machine on
// which a thousand mounts come and go does not do much else than look at them.
const rests = 10

// worthEvents is with how many mounts a process is told of events (byEvents). With fewer it
// looks at numbers, for all that: there are no more than 128 groups of fanotify for all of
// a user's processes, root's too, and others need them.
const worthEvents = 8

// run looks at the table when it has changed, or a waiter has come.
func (t *tableWatch) run(list, woken int) {
	defer unix.Close(list)
	defer unix.Close(woken)
	var now connections = newByID(table(list))
	defer func() { now.close() }()
	for tried := false; ; {
		began := time.Now()
		look, waiters := t.beginLook()
		if waiters >= worthEvents && !tried {
			tried = true
			if events, err := newByEvents(); err == nil {
				now = events
			}
		}
		fewer, err := now.look()
		if _, text := now.(*byText); err != nil && !text {
			now.close()
			now = &byText{table: table(list)}
			fewer, err = now.look()
		}
		has := now.has
		if err != nil {
			fewer, has = true, func(int) bool { return false }
		}
		if !t.tell(woken, look, fewer, has) {
			return
		}
		rest := min(rests*time.Since(began), time.Second/10)
		wait([]unix.PollFd{{Fd: int32(woken)}}, int(rest.Milliseconds())) // or until nobody waits any more
		wait([]unix.PollFd{now.news(), {Fd: int32(woken), Events: unix.POLLIN}}, -1)
	}
}

// wait returns when one of the descriptors has what is asked for, or an end, or after
// so many milliseconds.
func wait(fds []unix.PollFd, milliseconds int) {
	for {
		if _, err := unix.Poll(fds, milliseconds); err != unix.EINTR {
			return
		}
	}
}

// beginLook returns the number of a look that begins, and how many wait. Whoever waits since before it may be
// judged by what it sees, and nobody else: that mount may be younger.
func (t *tableWatch) beginLook() (look uint64, waiters int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.looks++
	return t.looks, len(t.waiters)
}

// tell calls the waiters whose mounts a look has not seen, and reports whether the
// goroutine goes on. If no connection has gone since the look before, only waiters
// that came after that may be called.
func (t *tableWatch) tell(woken int, look uint64, fewer bool, has func(device int) bool) bool {
	emptied := drain(woken) // before the waiters are looked at
	t.mu.Lock()
	if emptied || len(t.waiters) == 0 {
		t.mu.Unlock()
		return false
	}
	var left []*waiter
	if fewer || t.fresh {
		t.fresh = false
		for w := range t.waiters {
			if w.after >= look {
				t.fresh = true
			} else if !has(w.device) {
				left = append(left, w)
				delete(t.waiters, w)
			}
		}
		if t.fresh {
			t.nudge() // what its nudge has led to may have been this look
		}
		t.finish()
	}
	goesOn := len(t.waiters) > 0
	t.mu.Unlock()
	for _, w := range left {
		w.do()
	}
	return goesOn
}

// drain reads what is in a pipe, and reports whether its other end was closed.
func drain(pipe int) (closed bool) {
	var some [64]byte
	for {
		n, err := unix.Read(pipe, some[:])
		if err == unix.EINTR {
			continue
		}
		if n <= 0 {
			return err == nil && n == 0
		}
	}
}
