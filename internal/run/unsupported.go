//go:build !linux

package run

import (
	"errors"
)

var errOnlyLinux = errors.New("infisicalfs runs commands with a mount of their own on Linux only")

// Front is the process that is going to be the command.
type Front struct{ Report }

// Start fails here.
func Start() (*Front, error) { return nil, errOnlyLinux }

// Exec fails here.
func (*Front) Exec(string, []string, []string) error { return errOnlyLinux }

// Keeper is never made here.
type Keeper struct{}

// Keeping returns nil here.
func Keeping() *Keeper { return nil }

// Descriptors are none here.
func (*Keeper) Descriptors() []int { return nil }

// HandOn fails here.
func (*Keeper) HandOn() error { return errOnlyLinux }

// Tell fails here.
func (*Keeper) Tell(Report) error { return errOnlyLinux }

// CommandEnds returns at once here.
func (*Keeper) CommandEnds() {}

// Entered is never true here.
func Entered() (name string, entered bool, err error) { return "", false, nil }

// Place fails here.
func Place(string) (point string, leave func(), err error) { return "", nil, errOnlyLinux }

// SwitchedOff is nothing to say here.
func SwitchedOff() error { return nil }
