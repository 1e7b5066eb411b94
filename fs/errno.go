package fs

import (
	"context"
	"errors"
	"syscall"

	"infisicalfs/secret"
)

// errnos says what the kernel is told for each truth. The first match counts,
// and ErrNotFound is the last: an error that is anything else besides is not a
// proof of absence.
var errnos = []struct {
	err   error
	errno syscall.Errno
}{
	{context.Canceled, syscall.EINTR},
	{secret.ErrDenied, syscall.EACCES},
	{secret.ErrUnauthenticated, syscall.EACCES},
	{secret.ErrRateLimited, syscall.EAGAIN},
	{secret.ErrTimeout, syscall.ETIMEDOUT},
	{context.DeadlineExceeded, syscall.ETIMEDOUT},
	{secret.ErrUnavailable, syscall.EIO},
	{secret.ErrInexact, syscall.EIO},
	{secret.ErrProtected, syscall.EPERM},
	{secret.ErrInvalid, syscall.EINVAL},
	{secret.ErrTooLarge, syscall.EFBIG},
	{secret.ErrExists, syscall.EEXIST},
	{secret.ErrNotEmpty, syscall.ENOTEMPTY},
	{secret.ErrConflict, syscall.EBUSY}, // not ESTALE: the kernel repeats a path operation that gets it
	{secret.ErrNotFound, syscall.ENOENT},
}

// errnoOf turns an error of a Source into an errno, and what it does not know
// into EIO: a failure is not an absence.
func errnoOf(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	for _, row := range errnos {
		if errors.Is(err, row.err) {
			return row.errno
		}
	}
	return syscall.EIO
}
