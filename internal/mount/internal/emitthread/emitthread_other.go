//go:build !linux

package emitthread

import (
	"errors"
	"log/slog"
)

// Thread does not exist here.
type Thread struct{}

// Start fails.
func Start(string, int, *slog.Logger, func()) (*Thread, error) { return nil, errors.ErrUnsupported }

// GoesOn reports false.
func (*Thread) GoesOn() bool { return false }

// Emit fails.
func (*Thread) Emit(func(int)) error { return errors.ErrUnsupported }

// Stop does nothing.
func (*Thread) Stop() {}

// Ended is never closed.
func (*Thread) Ended() <-chan struct{} { return nil }
