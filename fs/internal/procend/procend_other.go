//go:build !linux

package procend

import "errors"

// Watch is for Linux.
func Watch(int, func(How)) (stop func(), err error) { return nil, errors.ErrUnsupported }
