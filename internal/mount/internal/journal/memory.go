package journal

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// record returns an empty one. It is called with the lock held, and is to be added
// before that is let go.
func (j *Journal) record() *record {
	j.buf.bytes = j.buf.bytes[:0]
	return &j.buf
}

// add appends a record, and reports whether the journal has all that was added. It is
// called with the lock held.
func (j *Journal) add(r *record) bool {
	if j.memory == nil || j.word(wordLost) != 0 {
		return false
	}
	begin, end := j.bounds()
	if end-begin > 2*j.compacted+compactAt {
		j.compact()
		_, end = j.bounds()
	}
	if !j.grow(end + len(r.bytes)) {
		j.set(wordLost, 1)
	}
	if j.word(wordLost) != 0 {
		return false
	}
	copy(j.memory[end:], r.bytes)
	j.set(wordAreas+2*int(j.word(wordActive))+1, uint64(end+len(r.bytes)))
	return true
}

// compact leaves out what is over. It is called with the lock held.
func (j *Journal) compact() {
	area, err := j.area()
	c := newContents()
	if err == nil {
		err = c.replay(area)
	}
	if err != nil || !j.replace(c) {
		j.set(wordLost, 1)
	}
}

// replace writes c into the area that does not count, which counts then. It is called
// with the lock held.
func (j *Journal) replace(c *contents) bool {
	fresh := c.records()
	begin, end := j.bounds()
	at := headerSize
	if at+len(fresh) > begin { // not before the area that counts, so behind it
		at = end
	}
	if !j.grow(at + len(fresh)) {
		return false
	}
	copy(j.memory[at:], fresh)
	other := 1 - int(j.word(wordActive))
	j.set(wordAreas+2*other, uint64(at))
	j.set(wordAreas+2*other+1, uint64(at+len(fresh)))
	j.set(wordActive, uint64(other))
	j.compacted = len(fresh)
	return true
}

// grow makes the memory long enough. It is called with the lock held.
func (j *Journal) grow(size int) bool {
	if size <= len(j.memory) {
		return true
	}
	longer := 2 * len(j.memory)
	for longer < size {
		longer *= 2
	}
	if longer > maxSize || unix.Ftruncate(j.fd, int64(longer)) != nil {
		return false
	}
	return j.mapped(longer) == nil
}

// mapped maps that much of the memory, in the place of what was mapped.
func (j *Journal) mapped(size int) error {
	memory, err := unix.Mmap(j.fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	if j.memory != nil {
		_ = unix.Munmap(j.memory)
	}
	j.memory = memory
	return nil
}

// word and set are about the header. What was copied before a set is there when it is.
func (j *Journal) word(i int) uint64 { return atomic.LoadUint64(j.at(i)) }

func (j *Journal) set(i int, value uint64) { atomic.StoreUint64(j.at(i), value) }

func (j *Journal) at(i int) *uint64 { return (*uint64)(unsafe.Pointer(&j.memory[8*i])) }

// bounds are those of the area that counts.
func (j *Journal) bounds() (begin, end int) {
	at := wordAreas + 2*int(j.word(wordActive)&1)
	return int(min(j.word(at), math.MaxInt32)), int(min(j.word(at+1), math.MaxInt32))
}

// area returns the records that count.
func (j *Journal) area() ([]byte, error) {
	begin, end := j.bounds()
	if begin < headerSize || end < begin || end > len(j.memory) {
		return nil, fmt.Errorf("records from %d to %d in a journal of %d bytes", begin, end, len(j.memory))
	}
	return j.memory[begin:end], nil
}

var native = binary.NativeEndian
