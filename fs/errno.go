package fs

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"infisicalfs/fs/internal/commit"
	"infisicalfs/fs/internal/failurelog"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/fs/internal/writeback"
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
	{writeback.ErrNotText, syscall.EILSEQ},
	{overlay.ErrFull, syscall.ENOSPC},
	{errOtherProject, syscall.EXDEV},
	{writeback.ErrRevoked, syscall.EACCES},
	{writeback.ErrKilled, syscall.EIO},
	{errOpen, syscall.EBUSY},
	{errIsDir, syscall.EISDIR},
	{errIsNoDir, syscall.ENOTDIR},
	{filename.ErrTooLong, syscall.ENAMETOOLONG},
	{secret.ErrInvalid, syscall.EINVAL},
	{secret.ErrTooLarge, syscall.EFBIG},
	{secret.ErrExists, syscall.EEXIST},
	{secret.ErrNotEmpty, syscall.ENOTEMPTY},
	{secret.ErrConflict, syscall.EBUSY}, // not ESTALE: the kernel repeats a path operation that gets it
	{secret.ErrNotFound, syscall.ENOENT},
}

// What only a file system can be asked for.
var (
	errOtherProject = errors.New("cannot be moved there")
	errOpen         = errors.New("it is open and not written yet")
	errIsDir        = errors.New("is a folder")
	errIsNoDir      = errors.New("is no folder")
)

// The reasons why nothing can be made under a name.
var (
	errViewName = fmt.Errorf("%w: the name shows the whole folder", secret.ErrProtected)
	errControl  = fmt.Errorf("%w: the name belongs to the file system", secret.ErrProtected)
	errNotHere  = fmt.Errorf("%w: projects and environments are not made here", secret.ErrProtected)
)

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

// failed returns the errno for err, counts it and logs it with what the number
// cannot carry. Absent names and callers who gave up are neither counted nor
// logged: they are everyday life.
func (f *FS) failed(op, path string, err error) syscall.Errno {
	return f.failedAs(op, path, err, errnoOf(err))
}

// failedAs is failed where the table has another errno.
func (f *FS) failedAs(op, path string, err error, errno syscall.Errno) syscall.Errno {
	what := failurelog.Kind{Op: op, Errno: errno}
	if errno == syscall.EPERM {
		what.Reason = err.Error()
		f.refused(op, path, what.Reason)
	}
	if errno == syscall.ENOENT || errno == syscall.EINTR {
		return errno
	}
	if suppressed, ok := f.failures.Add(what, time.Now()); ok {
		f.log.Warn("operation failed", "op", op, "path", path,
			"errno", unix.ErrnoName(errno), "error", err, "suppressed", suppressed)
	}
	return errno
}

// refused is EPERM for what is never done here, with the reason in the status. It is not
// logged: programs try such things, and then do something else.
func (f *FS) refused(op, path, reason string) syscall.Errno {
	text := op + " " + path + ": " + reason
	f.lastRefusal.Store(&text)
	return syscall.EPERM
}

// mayWorkLater reports whether what failed with err is worth another attempt: the
// server was not there, or did not know us.
func mayWorkLater(err error) bool {
	return commit.MayHaveHappened(err) || errors.Is(err, secret.ErrRateLimited) || errors.Is(err, secret.ErrUnauthenticated)
}
