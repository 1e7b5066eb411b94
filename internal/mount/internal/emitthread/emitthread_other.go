//go:build !linux

package emitthread

import (
	"errors"
	"log/slog"
)

// Emitter does not exist here.
type Emitter struct{}

// Start fails.
func Start(string, int, *slog.Logger, func()) (*Emitter, error) { return nil, errors.ErrUnsupported }

// GoesOn reports false.
func (*Emitter) GoesOn() bool { return false }

// Emit fails.
func (*Emitter) Emit(func(int)) error { return errors.ErrUnsupported }

// Stop does nothing.
func (*Emitter) Stop() {}

// Ended is never closed.
func (*Emitter) Ended() <-chan struct{} { return nil }
