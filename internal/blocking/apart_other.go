//go:build !linux

package blocking

import (
	"errors"
)

// Apart fails: only Linux gives a thread descriptors of its own.
func Apart(func() error, ...int) error { return errors.ErrUnsupported }
