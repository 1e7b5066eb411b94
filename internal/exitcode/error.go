package exitcode

import (
	"errors"
	"fmt"
	"io/fs"
)

// Error is a failure with its cure. The command prints the hint on a line of its
// own and ends with the code, one of this package.
type Error struct {
	Err  error
	Hint string // what to do about it; may be empty
	Code int
}

// Errorf returns an *Error whose text is as of [fmt.Errorf].
func Errorf(code int, hint, format string, args ...any) error {
	return &Error{Err: fmt.Errorf(format, args...), Hint: hint, Code: code}
}

// Error returns what failed, in one line and without the hint.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ExitCode implements [Coded].
func (e *Error) ExitCode() int { return e.Code }

// PathError is what is wrong with a path, without the path and the system call: for
// errors that name the path themselves.
func PathError(err error) error {
	if wrapped, ok := errors.AsType[*fs.PathError](err); ok {
		return wrapped.Err
	}
	return err
}
