// Package duration has what the zero of a duration means, once for all rooms.
//
// In a configuration (a Go struct such as cache.Config) the zero value of a duration
// means its default, so that whoever fills one in names only what differs, and [None]
// means no time at all. On the command line, in a configuration file and in fstab it
// is otherwise: there the default is written beside the flag, and a 0 that somebody
// has typed means no time at all. [FromFlag] leads from the second to the first,
// [OrDefault] is how the owner of a configuration reads it.
package duration

import "time"

// None in a configuration is no time at all. Any negative duration is taken for it.
const None time.Duration = -1

// OrDefault returns what a duration of a configuration stands for: otherwise if it is
// zero, 0 if it is negative, else itself.
func OrDefault(configured, otherwise time.Duration) time.Duration {
	if configured == 0 {
		return otherwise
	}
	return max(configured, 0)
}

// FromFlag returns what a configuration needs for a duration that a flag has: None
// for 0, else the duration itself. A negative one is for the caller to refuse.
func FromFlag(given time.Duration) time.Duration {
	if given == 0 {
		return None
	}
	return given
}
