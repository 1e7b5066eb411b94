// Package procend tells when a process ends, and whether a signal ended it.
package procend

// How a process ended.
type How uint8

const (
	// Unknown: it cannot be found out. Callers take it for an ordinary end.
	Unknown How = iota
	// Exited: the process ended itself.
	Exited
	// Killed: a signal ended it.
	Killed
)
