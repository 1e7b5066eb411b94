//go:build !linux

package mount

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"time"

	"infisicalfs/internal/exitcode"
)

const maxMessage = 128 << 10

type manner int

const (
	cleanly manner = iota
	forcibly
)

// errOnlyLinux is an *exitcode.Error with code FUSE: everything that touches a mount
// fails with it.
func errOnlyLinux() error {
	return exitcode.Errorf(exitcode.FUSE, "use Linux, or a Linux virtual machine or container", "infisicalfs cannot mount on %s", runtime.GOOS)
}

const allowedPlaces = ""

func helperConfined() bool { return false }

func mayMount() bool { return false }

func attachable(bool) error { return errOnlyLinux() }

func attach(context.Context, string, string, bool) (int, error) { return -1, errOnlyLinux() }

func claim(context.Context, place) (release func(), err error) { return nil, errOnlyLinux() }

func replaceable(string) bool { return false }

func replace(context.Context, string, *slog.Logger, func() (int, error)) (int, error) {
	return -1, errOnlyLinux()
}

type process struct{}

func watchProcess(int) (*process, error) { return nil, errOnlyLinux() }

func (*process) close() {}

func (*process) endsWithin(context.Context, time.Duration) bool { return false }

func putBack(string, int) error { return errOnlyLinux() }

func detach(context.Context, string, manner) error { return errOnlyLinux() }

func abort(int) error { return errors.ErrUnsupported }

func getattr(string, int) error { return errOnlyLinux() }

func settlePoll(string) error { return errOnlyLinux() }
