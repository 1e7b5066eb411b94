//go:build !linux

package known

import (
	"errors"
	"time"
)

func clock() (time.Duration, error) { return 0, errors.ErrUnsupported }
