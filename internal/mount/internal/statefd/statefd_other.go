//go:build !linux

package statefd

import "errors"

// File does not exist where nothing can be mounted.
type File struct{}

// New fails.
func New() (*File, error) { return nil, errors.ErrUnsupported }

// Open returns what fails.
func Open(int) *File { return &File{} }

// FD returns none.
func (*File) FD() int { return -1 }

// Close does nothing.
func (*File) Close() error { return nil }

// Put fails.
func (*File) Put([]byte) error { return errors.ErrUnsupported }

// Get fails.
func (*File) Get() ([]byte, error) { return nil, errors.ErrUnsupported }

// Try fails.
func (*File) Try() (int, error) { return 0, errors.ErrUnsupported }

// Used fails.
func (*File) Used() error { return errors.ErrUnsupported }
