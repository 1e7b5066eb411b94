// Package exitcode is the promise that infisicalfs makes to scripts: which
// number a command ends with, and what it means. Numbers are never reused; a
// retired one stays reserved.
package exitcode

import (
	"errors"

	"infisicalfs/secret"
)

const (
	// OK: the command did what it was asked to do.
	OK = 0
	// Other: a failure that none of the other codes describes.
	Other = 1
	// Usage: the command line itself is wrong, such as an unknown flag or a
	// missing argument. Nothing was tried.
	Usage = 2
	// Config: flags, environment or a configuration file ask for something
	// that does not fit together or cannot be read.
	Config = 3
	// Login: there are no credentials, or several of which none comes first, or some that
	// are not to be used as they are, or the server does not accept them.
	Login = 4
	// Denied: the server knows the identity and refuses what it asks for.
	Denied = 5
	// NotFound: the server says that the project, environment or folder does
	// not exist.
	NotFound = 6
	// Unreachable: the server did not answer, not in time, or only to say that
	// there were too many requests. Trying again later may help.
	Unreachable = 7
	// Mountpoint: the directory to mount on or to unmount cannot be used.
	Mountpoint = 8
	// FUSE: the kernel's side is missing or refuses: no /dev/fuse, no
	// fusermount3, no right to mount.
	FUSE = 9
)

// The codes of "infisicalfs run" when the command did not start, those of env(1)
// and nohup(1); else its code is the command's.
const (
	// NotRun: infisicalfs failed, in any of the ways above.
	NotRun = 125
	// NotExecutable: the command was found but cannot be executed.
	NotExecutable = 126
	// NoCommand: the command was not found.
	NoCommand = 127
)

// Coded is implemented by errors that know their exit code.
type Coded interface {
	error
	ExitCode() int
}

// Of returns the exit code for err. A [Coded] error anywhere in the chain
// decides, then the sentinel errors of package secret; anything else is Other.
func Of(err error) int {
	if err == nil {
		return OK
	}
	if coded, ok := errors.AsType[Coded](err); ok {
		return coded.ExitCode()
	}
	for _, row := range table {
		if errors.Is(err, row.err) {
			return row.code
		}
	}
	return Other
}

// table is in order of precedence: an error that wraps several sentinels gets
// the code of the first, so that what the user can act upon wins.
var table = []struct {
	err  error
	code int
}{
	{secret.ErrUnauthenticated, Login},
	{secret.ErrDenied, Denied},
	{secret.ErrNotFound, NotFound},
	{secret.ErrUnavailable, Unreachable},
	{secret.ErrTimeout, Unreachable},
	{secret.ErrRateLimited, Unreachable},
}
