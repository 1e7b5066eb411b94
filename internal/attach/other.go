//go:build !linux

package attach

import (
	"context"
	"errors"
	"log/slog"
	"runtime"

	"infisicalfs/internal/exitcode"
)

// MaxMessage is the largest READ and WRITE that the kernel sends.
const MaxMessage = 128 << 10

// Manner is how insistently a mount is removed.
type Manner int

const (
	Cleanly  Manner = iota // fails while somebody uses it
	Forcibly               // out of the tree at once
)

// errOnlyLinux is an *exitcode.Error with code FUSE: everything that touches a mount
// fails with it.
func errOnlyLinux() error {
	return exitcode.Errorf(exitcode.FUSE, "use Linux, or a Linux virtual machine or container", "infisicalfs cannot mount on %s", runtime.GOOS)
}

// AllowedPlaces are none.
const AllowedPlaces = ""

// HelperConfined reports false.
func HelperConfined() bool { return false }

// MayMount reports false.
func MayMount() bool { return false }

// Possible fails.
func Possible(bool) error { return errOnlyLinux() }

// Kernel knows of none.
func Kernel() (release string, lacking []string) { return runtime.GOOS, nil }

// CanPropagate says that nothing does.
func CanPropagate(Propagate) Propagation { return Propagation{As: PropagateRO} }

// Mount fails.
func Mount(context.Context, string, string, bool, Propagate) (int, error) { return -1, errOnlyLinux() }

// CheckDescriptor fails.
func CheckDescriptor(int) error { return errOnlyLinux() }

// AwaitDescriptor fails.
func AwaitDescriptor(context.Context, int) error { return errOnlyLinux() }

// Claim fails.
func Claim(context.Context, Place) (release func(), err error) { return nil, errOnlyLinux() }

// Replaceable reports false.
func Replaceable(string) bool { return false }

// Replace fails.
func Replace(context.Context, string, *slog.Logger, func() (int, error)) (int, error) {
	return -1, errOnlyLinux()
}

// PutBack fails.
func PutBack(string, int, Propagate) error { return errOnlyLinux() }

// Unmount fails.
func Unmount(context.Context, string, Manner) error { return errOnlyLinux() }

// Abort fails.
func Abort(int) error { return errors.ErrUnsupported }

// Sever fails.
func Sever(string, int) error { return errors.ErrUnsupported }

// Getattr fails.
func Getattr(string, int) error { return errOnlyLinux() }

// SettlePoll fails.
func SettlePoll(string) error { return errOnlyLinux() }
