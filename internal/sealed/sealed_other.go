//go:build !linux

package sealed

import "errors"

// Make fails: there is no such memory.
func Make(string, int, func([]byte)) (int, error) { return -1, errors.ErrUnsupported }

// Read fails.
func Read(int, int, func([]byte) error) error { return errors.ErrUnsupported }
