//go:build !linux

package reaper

import "errors"

// Reaper does not exist where nothing can be mounted.
type Reaper struct{}

// Start fails.
func Start(int, int) (*Reaper, error) { return nil, errors.ErrUnsupported }

// Stop does nothing.
func (*Reaper) Stop() {}

// Entered reports false.
func Entered() bool { return false }
