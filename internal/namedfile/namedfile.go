// Package namedfile reads files that people name in options: credentials, headers,
// certificates. Such a file may be a pipe (`--client-secret-file <(pass show infisical)`,
// a FIFO, /dev/fd/N), and whoever should write to it may never come. A read of one
// ends all the same.
package namedfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Patience is how long the writer of a pipe has, all in all. A program that asks
// somebody for a password writes only after the answer.
const Patience = 30 * time.Second

// Read returns what the file holds, the first most bytes of it. An error is a
// [fs.PathError], as of [os.ReadFile]; a pipe that has not come to its end within [Patience] is
// one too.
func Read(path string, most int64) ([]byte, error) {
	return readWithin(path, most, Patience)
}

func readWithin(path string, most int64, wait time.Duration) ([]byte, error) {
	end := time.Now().Add(wait)
	// Opening a pipe that nobody writes to would wait without end, and no signal ends that.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	// A regular file has no deadline and needs none; /dev/zero has none and ends at most.
	if file.SetReadDeadline(end) == nil {
		// A pipe that nobody has opened for writing yet would look as if it were empty.
		if err := awaitWriter(file, end); err != nil {
			return nil, &fs.PathError{Op: "read", Path: path, Err: err}
		}
	}
	text, err := io.ReadAll(io.LimitReader(file, most))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("its writer did not come to an end within %v", wait)}
	}
	return text, err
}

// awaitWriter returns when there is something to read, or the writer is gone. After end it
// returns too: then reading says what there is.
func awaitWriter(file *os.File, end time.Time) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) {
		for {
			left := time.Until(end)
			if left <= 0 {
				failed = errors.New("nobody wrote to it")
				return
			}
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left/time.Millisecond)+1)
			if n > 0 {
				return
			}
			if err != nil && err != unix.EINTR {
				failed = err
				return
			}
		}
	})
	return errors.Join(err, failed)
}
