// Package known hands what a cache knows to another process that goes on in its place, in
// memory that can be changed no more:
//
//	fd, err := known.Seal(c.Export(), known.MaxBytes)  // in the process that ends
//	… the descriptor goes to the next process …
//	list, err := known.Open(fd)                        // there
//	c.Import(list)
//
// There are values in it, and no token or credential. Whoever has read it lets go of it at
// once, and has others do so: see package sealed.
//
// A value goes from locked memory to that memory and back: nothing of it is left on the
// heap.
//
// Ages are told by the monotonic clock of the machine, which all its processes share and
// nobody sets. Both processes are of one boot, as memory does not outlive that.
package known

import (
	"errors"
	"time"

	"infisicalfs/cache"
	"infisicalfs/internal/sealed"
)

// MaxBytes is how much is handed on, unless the caller wants less.
const MaxBytes = 64 << 20

// format is what this version writes, and the only one that it reads. Another one is
// whatever has other fields, or reads the server's answers so that the same snapshot would
// look different: what is known is then asked for anew.
const format = 1

// ErrFormat is why what another version has written is not read.
var ErrFormat = errors.New("it was written in another format")

// Seal returns a descriptor, the caller's to close, of memory with as much of list as fits
// into limit bytes: lists of projects and environments first, as all else is below them, and
// then the folders that the server has vouched for last. It fails with [errors.ErrUnsupported]
// where there is no such memory.
func Seal(list []cache.Known, limit int) (fd int, err error) {
	now, err := clock()
	if err != nil {
		return -1, err
	}
	list = fitting(list, limit)
	var count encoder
	count.document(now, list)
	return sealed.Make("infisicalfs-known", count.size, func(memory []byte) {
		e := encoder{to: memory, at: time.Now()}
		e.document(now, list)
	})
}

// Open reads what [Seal] wrote, and leaves the descriptor open. What is not sealed, or
// cannot be understood, is an error and never a part or a guess.
func Open(fd int) ([]cache.Known, error) {
	now, err := clock()
	if err != nil {
		return nil, err
	}
	var list []cache.Known
	err = sealed.Read(fd, MaxBytes, func(memory []byte) (err error) {
		d := decoder{from: memory, at: time.Now()}
		list, err = d.document(now)
		return err
	})
	return list, err
}
