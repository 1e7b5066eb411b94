//go:build !linux

package known

import (
	"errors"
	"time"
)

func sealed(int, func([]byte)) (int, error) { return -1, errors.ErrUnsupported }

func reading(int, func([]byte) error) error { return errors.ErrUnsupported }

func clock() (time.Duration, error) { return 0, errors.ErrUnsupported }
