//go:build !linux

package mount

import (
	"context"
	"errors"
	"time"
)

// process cannot be watched here.
type process struct{}

func watchProcess(int) (*process, error) { return nil, errors.ErrUnsupported }

func (*process) close() {}

func (*process) end(time.Duration) {}

func (*process) endsWithin(context.Context, time.Duration) bool { return false }
