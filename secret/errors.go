package secret

import (
	"errors"
	"fmt"
)

// The sentinel errors. Whoever fails wraps one of them, whoever decides uses
// [errors.Is]; nothing looks at the text. The file system turns them into errno
// in one table (fs/errno.go), the command into exit codes.
var (
	// ErrNotFound: the server itself said that it does not exist.
	ErrNotFound = errors.New("not found")
	// ErrDenied: the identity is known and may not.
	ErrDenied = errors.New("permission denied")
	// ErrUnauthenticated: the server does not accept the credentials.
	ErrUnauthenticated = errors.New("not logged in")
	// ErrUnavailable: we could not find out; the server did not answer sensibly.
	ErrUnavailable = errors.New("server unavailable")
	// ErrTimeout: the server did not answer within the deadline.
	ErrTimeout = errors.New("server did not answer in time")
	// ErrRateLimited: the request budget is spent for longer than the caller waits.
	ErrRateLimited = errors.New("rate limit reached")
	// ErrInexact: a bulk answer would not be the whole truth; ask one by one.
	ErrInexact = errors.New("cannot be answered in bulk")

	// ErrInvalid: the server does not accept the request's content.
	ErrInvalid = errors.New("invalid")
	// ErrExists: the name is taken.
	ErrExists = errors.New("already exists")
	// ErrNotEmpty: the folder still has entries.
	ErrNotEmpty = errors.New("not empty")
	// ErrConflict: somebody else changed it in the meantime.
	ErrConflict = errors.New("changed by someone else")
	// ErrProtected: the server keeps it from being changed (rotation, approval).
	ErrProtected = errors.New("protected against changes")
	// ErrApproval is an [ErrProtected]: the change waits for somebody's approval.
	// Which one is in an [ApprovalError].
	ErrApproval = fmt.Errorf("%w without an approval", ErrProtected)
	// ErrTooLarge: more than the server takes.
	ErrTooLarge = errors.New("too large")
)
