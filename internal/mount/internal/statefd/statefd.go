// Package statefd is memory that outlives the process which writes it, if somebody else
// has a descriptor of it: what the next process of a mount has to know is there. It is a
// memfd, which is in no directory and on no disk.
//
//	f, err := statefd.New()
//	err = f.Put(text)        // in the place of what was put before; f.FD() goes to a keeper
//	…
//	f := statefd.Open(fd)    // in the next process
//	text, err := f.Get()     // what was put last
//
// A process can be killed at any moment, also while it writes. So there are two places
// for the text, and eight bytes that say which of them is valid, and how long it is:
// they change at once or not at all.
package statefd

import "errors"

// ErrNothing means that nothing was put yet, or what is there is no state.
var ErrNothing = errors.New("there is no state")

// Where is what: the length of the text and its place, as one number; how often a
// process was about to use it; the two places, which take memory only for what is there.
const (
	validAt  = 0
	triesAt  = 8
	placesAt = 1 << 12
	placeLen = 1 << 32
)

// maxText bounds what is believed of a length: as much as two processes say to each other.
const maxText = 256 << 20
