package mounttable

import (
	"bytes"
	"errors"

	"golang.org/x/sys/unix"
)

// connections are the FUSE connections that have a mount somewhere in the table.
type connections interface {
	// look finds out which these are now, and reports whether one may be missing that was
	// among them. An error: it is not known any more.
	look() (fewer bool, err error)
	// has reports whether one was among them.
	has(number int) bool
	// news is what to poll: it has something when there is something to look at.
	news() unix.PollFd
	close()
}

// table is a descriptor of the whole table (/proc/self/mountinfo), the caller's.
type table int

// news is there when the table has changed since it was last polled.
func (t table) news() unix.PollFd { return unix.PollFd{Fd: int32(t), Events: unix.POLLPRI} }

func (t table) close() {}

// byID asks for what has come since the last look only. It looks at the list of the
// mounts' numbers, in one system call whatever their number, and compares it with
// the last one, which takes some nanoseconds for each.
type byID struct {
	table
	list func([]uint64) ([]uint64, error) // mountIDs
	of   func(id uint64) int              // connectionOf

	known, last []uint64       // the lists of the last look and of the one before, whose memory is used again
	mounts      map[uint64]int // the connections of mounts of FUSE
	count       map[int]int    // the mounts of a connection; none are left out
}

func newByID(t table) *byID {
	return &byID{table: t, list: mountIDs, of: connectionOf, mounts: map[uint64]int{}, count: map[int]int{}}
}

func (c *byID) look() (fewer bool, err error) {
	now, err := c.list(c.last)
	if err != nil {
		return false, err
	}
	c.last, c.known = c.known, now
	compare(c.last, now, func(id uint64) { fewer = c.gone(id) || fewer }, c.came)
	return fewer, nil
}

func (c *byID) has(number int) bool { return c.count[number] > 0 }

func (c *byID) came(id uint64) {
	if number := c.of(id); number != 0 {
		c.mounts[id] = number
		c.count[number]++
	}
}

// gone reports whether that was the last mount of its connection.
func (c *byID) gone(id uint64) bool {
	number, ok := c.mounts[id]
	if !ok {
		return false
	}
	delete(c.mounts, id)
	if c.count[number]--; c.count[number] > 0 {
		return false
	}
	delete(c.count, number)
	return true
}

// compare calls gone and came for what is in one of two ascending lists only.
func compare(before, now []uint64, gone, came func(uint64)) {
	for len(before) > 0 && len(now) > 0 {
		switch b, n := before[0], now[0]; {
		case b == n:
			before, now = before[1:], now[1:]
		case b < n:
			gone(b)
			before = before[1:]
		default:
			came(n)
			now = now[1:]
		}
	}
	for _, id := range before {
		gone(id)
	}
	for _, id := range now {
		came(id)
	}
}

// byText reads the whole table (/proc/self/mountinfo), for kernels before Linux 6.8.
type byText struct {
	table
	buffer []byte
	found  map[int]bool
}

func (c *byText) look() (fewer bool, err error) {
	c.buffer, err = readAgain(int(c.table), c.buffer)
	c.found = connectionsIn(c.buffer)
	return true, err
}

func (c *byText) has(number int) bool { return c.found[number] }

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
