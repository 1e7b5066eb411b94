// Package journal keeps what the kernel holds of a mount (package kernelstate) in memory
// that outlives the process: a memfd, of which the service manager has a descriptor too.
// A process that is killed has no time to tell anybody; whoever serves the mount after it
// reads what it had written down before the kernel heard of it:
//
//	j, err := journal.Create()
//	systemd.Store("state", j.Descriptor())
//	j.Put("mount", …)                        // what the caller has to know
//	kernelstate.New(…, j)                    // writes each change
//	j.Finish(kernel.Export())                // an orderly end
//
//	j, left, err := journal.Open(descriptor) // in the next process
//	left.State, left.Clean, left.Blobs["mount"]
//
// The memory is mapped, so writing a change is copying some bytes and costs no system
// call, and nothing of it can be lost. There are names in it and no values.
//
//	header: magic, flags, which of two areas counts, where each begins and ends
//	area:   records, one after the other: kind, length, content
//
// A record counts once the end of its area is beyond it, and an area once the header says
// so: a process can be killed between any two instructions. When most of an area tells of
// what is over, what is left is written into another one.
package journal

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/mount/internal/kernelstate"
)

// The header, in words of eight bytes. A number in magic that another version does not
// know has it refuse the journal.
const (
	magic      = 0x0001_696e_666a_726e // format 1
	headerSize = 4096

	wordMagic  = 0
	wordClean  = 1 // the process before has come to an orderly end
	wordLost   = 2 // something could not be written: what is here is not all
	wordActive = 3 // which area counts, 0 or 1
	wordAreas  = 4 // begin and end of each
)

const (
	firstSize = 64 << 10
	maxSize   = 1 << 30
	// compactAt is how much is written, beyond twice what was left the last time, before
	// the journal is compacted.
	compactAt = 32 << 10
)

// Journal is written by one process at a time. It is safe for concurrent use.
type Journal struct {
	fd int

	mu        sync.Mutex // guards the memory and what follows; memory is copied under it, at worst all of the journal
	memory    []byte
	compacted int    // how long the area was after it was compacted
	buf       record // that is being written
}

var _ kernelstate.Journal = (*Journal)(nil)

// Left is what a journal has.
type Left struct {
	State *kernelstate.State
	Clean bool              // State is exact: the process has come to an orderly end
	Blobs map[string][]byte // by the names given to Put
}

// ErrLost is why a journal that could not grow is of no use.
var ErrLost = errors.New("not all of what the kernel holds could be written down")

// Create makes an empty journal.
func Create() (*Journal, error) {
	fd, err := anonymous()
	if err != nil {
		return nil, err
	}
	j := &Journal{fd: fd}
	err = unix.Ftruncate(fd, firstSize)
	if err == nil {
		err = seal(fd)
	}
	if err == nil {
		err = j.mapped(firstSize)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	j.set(wordAreas, headerSize)
	j.set(wordAreas+1, headerSize)
	j.set(wordMagic, magic)
	return j, nil
}

// Open goes on with a journal, whose descriptor is the journal's from now on, also after
// an error: then it is closed. What cannot be understood is an error and never a guess.
func Open(fd int) (*Journal, *Left, error) {
	j := &Journal{fd: fd}
	fail := func(err error) (*Journal, *Left, error) {
		j.Close()
		return nil, nil, fmt.Errorf("what the process before has left: %w", err)
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return fail(err)
	}
	if stat.Size < headerSize || stat.Size > maxSize {
		return fail(fmt.Errorf("a journal of %d bytes", stat.Size))
	}
	if err := seal(fd); err != nil { // or it could shrink while it is read
		return fail(err)
	}
	if err := j.mapped(int(stat.Size)); err != nil {
		return fail(err)
	}
	switch {
	case j.word(wordMagic) != magic:
		return fail(errors.New("no journal that this version reads"))
	case j.word(wordLost) != 0:
		return fail(ErrLost)
	}
	area, err := j.area()
	if err != nil {
		return fail(err)
	}
	c := newContents()
	if err := c.replay(area); err != nil {
		return fail(err)
	}
	return j, &Left{State: c.state(), Clean: j.word(wordClean) != 0, Blobs: c.blobs}, nil
}

// Descriptor is of the memory: whoever has a copy can Open it. It stays the journal's.
func (j *Journal) Descriptor() int { return j.fd }

// Close lets go of the memory, which is freed once nobody has a descriptor.
func (j *Journal) Close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.memory != nil {
		_ = unix.Munmap(j.memory)
		j.memory = nil
	}
	if j.fd >= 0 {
		unix.Close(j.fd)
		j.fd = -1
	}
}

// Put keeps what the caller has to know, in the place of what had the name before.
func (j *Journal) Put(name string, blob []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record()
	r.blob(name, blob)
	if !j.add(r) {
		return ErrLost
	}
	return nil
}

// Finish keeps exactly that state, and says that the end is an orderly one.
func (j *Journal) Finish(state *kernelstate.State) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.memory == nil {
		return ErrLost
	}
	area, err := j.area()
	c := newContents()
	if err == nil {
		err = c.replay(area)
	}
	if err != nil {
		return err
	}
	c.take(state)
	if !j.replace(c) || j.word(wordLost) != 0 {
		return ErrLost
	}
	j.set(wordClean, 1)
	return nil
}

// Began is for [kernelstate.Journal], as are the next four.
func (j *Journal) Began(epoch uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record()
	r.epoch(epoch)
	if j.add(r) {
		j.set(wordClean, 0)
	}
}

// Looked notes that a node was looked up.
func (j *Journal) Looked(n kernelstate.Node) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record()
	r.node(n)
	j.add(r)
}

// Forgot notes that so many lookups of a node are forgotten.
func (j *Journal) Forgot(id, lookups uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record()
	r.forgotten(id, lookups)
	j.add(r)
}

// Opened notes an open file or directory, in the place of what was noted of it before.
func (j *Journal) Opened(h kernelstate.Handle) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record()
	r.handle(h)
	j.add(r)
}

// Closed notes that a handle is no more.
func (j *Journal) Closed(number uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record()
	r.closed(number)
	j.add(r)
}
