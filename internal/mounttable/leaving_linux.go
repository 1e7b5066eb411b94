package mounttable

import (
	"bytes"
	"errors"
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
// However many mounts a process has, it has one goroutine for this, which reads the
// table once for a change of it.
func OnLeaving(device int, do func()) (stop func(), err error) {
	return theWatch.add(&waiter{device, do})
}

// waiter is one call of OnLeaving.
type waiter struct {
	device int
	do     func()
}

// tableWatch watches the mount table for all of a process.
type tableWatch struct {
	mu      sync.Mutex // guards what follows; nobody is called while it is held
	waiters map[*waiter]bool
	wake    int // the end of a pipe that wakes the goroutine; valid while there are waiters
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
	t.waiters[w] = true
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

// rests is how much longer the goroutine rests than it has read, so that a machine on
// which a thousand mounts come and go does not do much else than read about them.
const rests = 10

// run reads the table when it has changed, or a waiter has come.
func (t *tableWatch) run(table, woken int) {
	defer unix.Close(table)
	defer unix.Close(woken)
	for buffer := []byte(nil); ; {
		began := time.Now()
		var err error
		buffer, err = readAgain(table, buffer)
		if !t.tell(woken, connectionsIn(buffer), err != nil) {
			return
		}
		rest := min(rests*time.Since(began), time.Second/10)
		wait([]unix.PollFd{{Fd: int32(woken)}}, int(rest.Milliseconds())) // or until nobody waits any more
		// The kernel reports what has changed since the table was last polled.
		wait([]unix.PollFd{{Fd: int32(table), Events: unix.POLLPRI}, {Fd: int32(woken), Events: unix.POLLIN}}, -1)
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

// tell calls the waiters whose mounts are not connected, or all, and reports whether
// the goroutine goes on.
func (t *tableWatch) tell(woken int, connected map[int]bool, all bool) bool {
	emptied := drain(woken) // before the waiters are looked at
	t.mu.Lock()
	if emptied || len(t.waiters) == 0 {
		t.mu.Unlock()
		return false
	}
	var left []*waiter
	for w := range t.waiters {
		if all || !connected[w.device] {
			left = append(left, w)
			delete(t.waiters, w)
		}
	}
	t.finish()
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

// readAgain reads a file of /proc from its beginning into buffer, or a larger one.
func readAgain(fd int, buffer []byte) ([]byte, error) {
	buffer = buffer[:0]
	for {
		if cap(buffer)-len(buffer) < 4096 {
			buffer = append(make([]byte, 0, 2*cap(buffer)+16<<10), buffer...)
		}
		n, err := unix.Pread(fd, buffer[len(buffer):cap(buffer)], int64(len(buffer)))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return buffer, err
		case n == 0:
			return buffer, nil
		}
		buffer = buffer[:len(buffer)+max(n, 0)]
	}
}

// connectionsIn returns the numbers of the connections of ours that a mount table has.
func connectionsIn(table []byte) map[int]bool {
	found := map[int]bool{}
	ours := []byte(" - " + FSType + " ")
	for line := range bytes.Lines(table) {
		if !bytes.Contains(line, ours) {
			continue
		}
		fields := bytes.SplitN(line, []byte(" "), 4) // ID PARENT MAJOR:MINOR
		_, minor, ok := bytes.Cut(fields[min(2, len(fields)-1)], []byte(":"))
		if !ok {
			continue
		}
		number := 0
		for _, digit := range minor {
			number = 10*number + int(digit-'0')
		}
		found[number] = true
	}
	return found
}
