package mount

import (
	"fmt"

	"infisicalfs/internal/exitcode"
)

// Error is a failure with its cure. The command prints the hint on a line of
// its own and ends with the code, one of package exitcode.
type Error struct {
	Err  error
	Hint string // what to do about it; may be empty
	Code int
}

// Error returns what failed, in one line and without the hint.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ExitCode implements exitcode.Coded.
func (e *Error) ExitCode() int { return e.Code }

func badConfig(hint, format string, args ...any) error {
	return &Error{Err: fmt.Errorf(format, args...), Hint: hint, Code: exitcode.Config}
}

func badMountpoint(hint, format string, args ...any) error {
	return &Error{Err: fmt.Errorf(format, args...), Hint: hint, Code: exitcode.Mountpoint}
}

func noFUSE(hint, format string, args ...any) error {
	return &Error{Err: fmt.Errorf(format, args...), Hint: hint, Code: exitcode.FUSE}
}
