package run

import "errors"

// ErrTold means that the user knows already what went wrong.
var ErrTold = errors.New("the start of the mount failed")

// Report is what the keeper tells the front once the mount answers.
type Report struct {
	PID       int      // of the keeper
	Dir       string   // where the mount is, in the namespace
	Variables []string // NAME=VALUE, for the environment of the command
}

// How a process of this program learns that it is a later stage of a run: the
// keeper's variable names two descriptors, the one to report to and a pidfd of
// the front; the other's is the working directory of the command.
const (
	keeperMark = "_INFISICALFS_RUN_KEEPER"
	enterMark  = "_INFISICALFS_RUN_ENTER"
)
