//go:build !linux

package session

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// Session does not exist where nothing can be mounted.
type Session struct {
	device   int
	greeting Greeting
	server   atomic.Pointer[fuse.Server]
}

// ErrOtherFeatures is never returned.
var ErrOtherFeatures = errors.ErrUnsupported

// Begin fails.
func Begin(int, fuse.RawFileSystem, *fuse.MountOptions) (*Session, error) {
	return nil, errors.ErrUnsupported
}

// Continue fails.
func Continue(int, Greeting, fuse.RawFileSystem, *fuse.MountOptions) (*Session, error) {
	return nil, errors.ErrUnsupported
}

// Serve returns at once.
func (*Session) Serve() bool { return false }

// Drain reports false.
func (*Session) Drain(time.Duration) bool { return false }

// Resume fails.
func (*Session) Resume() error { return errors.ErrUnsupported }

// Resend fails.
func (*Session) Resend() error { return errors.ErrUnsupported }

// Resends reports false.
func (*Session) Resends() bool { return false }

// Abandon fails.
func (*Session) Abandon() error { return errors.ErrUnsupported }

// Connected reports false.
func (*Session) Connected() bool { return false }

// Leave does nothing.
func (*Session) Leave() {}

// Left reports false.
func (*Session) Left() bool { return false }

// Unblock fails.
func (*Session) Unblock() error { return errors.ErrUnsupported }

// Close does nothing.
func (*Session) Close() {}
