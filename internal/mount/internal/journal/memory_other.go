//go:build !linux

package journal

import "errors"

func anonymous() (int, error) { return -1, errors.ErrUnsupported }

func seal(int) error { return errors.ErrUnsupported }
