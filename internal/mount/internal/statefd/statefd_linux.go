package statefd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// File is such memory. It is for one goroutine at a time.
type File struct{ file *os.File }

// New makes one, which is closed when a program is started and can never be executed.
func New() (*File, error) {
	const name = "infisicalfs-state"
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	}
	if err != nil {
		return nil, fmt.Errorf("memory for the state: %w", err)
	}
	return Open(fd), nil
}

// Open returns what an earlier process has left as fd, which it takes over.
func Open(fd int) *File { return &File{os.NewFile(uintptr(fd), "state")} }

// FD is the descriptor, which stays f's.
func (f *File) FD() int { return int(f.file.Fd()) }

// Close lets go of the memory. It ends when nobody has it.
func (f *File) Close() error { return f.file.Close() }

// Put has text in the place of what was there.
func (f *File) Put(text []byte) error {
	if len(text) > maxText {
		return fmt.Errorf("a state of %d bytes", len(text))
	}
	before, err := f.number(validAt)
	if err != nil {
		return err
	}
	_, place := split(before)
	next := 1 - place
	if _, err := f.file.WriteAt(text, at(next)); err != nil {
		return err
	}
	if err := f.setNumber(validAt, uint64(len(text))<<1|next); err != nil {
		return err
	}
	// The old text is given back.
	return unix.Fallocate(f.FD(), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, at(place), placeLen)
}

// Get returns what was put last. The error is [ErrNothing] if that was nothing.
func (f *File) Get() ([]byte, error) {
	valid, err := f.number(validAt)
	if err != nil {
		return nil, err
	}
	size, place := split(valid)
	if size == 0 || size > maxText {
		return nil, ErrNothing
	}
	text := make([]byte, size)
	if _, err := f.file.ReadAt(text, at(place)); err != nil {
		return nil, errors.Join(ErrNothing, err)
	}
	return text, nil
}

// Try counts one more process that is about to use the state, and returns how many have
// since the last call of Used.
func (f *File) Try() (int, error) {
	tries, err := f.number(triesAt)
	if err != nil {
		return 0, err
	}
	return int(tries) + 1, f.setNumber(triesAt, tries+1)
}

// Used says that the process which uses the state does well.
func (f *File) Used() error { return f.setNumber(triesAt, 0) }

// split takes the number apart that says what is valid.
func split(valid uint64) (size, place uint64) { return valid >> 1, valid & 1 }

func at(place uint64) int64 { return placesAt + int64(place)*placeLen }

// number reads one; what was not written yet is 0.
func (f *File) number(at int64) (uint64, error) {
	var b [8]byte
	if _, err := f.file.ReadAt(b[:], at); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return binary.NativeEndian.Uint64(b[:]), nil
}

func (f *File) setNumber(at int64, n uint64) error {
	_, err := f.file.WriteAt(binary.NativeEndian.AppendUint64(nil, n), at)
	return err
}
