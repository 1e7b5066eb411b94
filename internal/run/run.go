package run

import (
	"errors"
	"io"
	"strconv"
	"strings"
)

// ErrTold means that the user knows already what went wrong.
var ErrTold = errors.New("the start of the mount failed")

// Report is what the keeper tells the front once the mount answers.
type Report struct {
	PID       int      // of the keeper
	Dir       string   // where the mount is, in the namespace
	Variables []string // NAME=VALUE, for the environment of the command
}

// text is the report on its way through a pipe: its parts, which cannot have a
// NUL in them, with one behind each.
func (r Report) text() string {
	parts := append([]string{strconv.Itoa(r.PID), r.Dir}, r.Variables...)
	return strings.Join(parts, "\x00") + "\x00"
}

func parseReport(text string) (Report, error) {
	parts := strings.Split(text, "\x00")
	if len(parts) < 3 {
		return Report{}, io.ErrUnexpectedEOF
	}
	pid, err := strconv.Atoi(parts[0])
	return Report{pid, parts[1], parts[2 : len(parts)-1]}, err
}

// How a process of this program learns that it is a later stage of a run: the
// keeper's variable names two descriptors, the one to report to and a pidfd of
// the front; the other's is the working directory of the command.
const (
	keeperMark = "_INFISICALFS_RUN_KEEPER"
	enterMark  = "_INFISICALFS_RUN_ENTER"
)
