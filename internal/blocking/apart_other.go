//go:build !linux

package blocking

import (
	"errors"
)

// Apart fails: only Linux gives a thread descriptors of its own.
func Apart([]int, func() error) error { return errors.ErrUnsupported }
