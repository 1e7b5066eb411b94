//go:build !linux

package reaper

import "errors"

// Watched does not exist where nothing can be mounted.
type Watched struct{}

// Watch fails.
func Watch(int, int) (*Watched, error) { return nil, errors.ErrUnsupported }

// Stop does nothing.
func (*Watched) Stop() {}

// Entered reports false.
func Entered() bool { return false }
