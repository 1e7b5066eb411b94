package attach

// Propagate says what a mount is where it propagates to: in mount namespaces and
// bind mounts that get what is mounted after them, as a container does that was
// given a directory with "rslave". Each of those instances has flags of its own, and
// gets those that the new mount has, not those of what it is mounted on: a container
// with a read-only bind mount could write through what arrives there later.
type Propagate string

const (
	// PropagateRO: they are read-only, whatever they are mounted on. The mount at
	// its own mountpoint is writable.
	PropagateRO Propagate = "ro"
	// PropagateRW: they are writable.
	PropagateRW Propagate = "rw"
)

// Known reports whether p is one of these.
func (p Propagate) Known() bool { return p == PropagateRO || p == PropagateRW }

// Propagation is what became of a [Propagate].
type Propagation struct {
	As     Propagate `json:"as"`               // what is in force
	Reason string    `json:"reason,omitempty"` // why that is not what was asked for
}

// String is for people.
func (p Propagation) String() string {
	switch {
	case p.Reason != "":
		return "writable: " + p.Reason
	case p.As == PropagateRW:
		return "writable"
	}
	return "read-only"
}

// Why a mount is writable where it propagates to although it was not meant to be.
const (
	noPropagateHelper = "fusermount3, which mounts for users, cannot do it"
	noPropagateKernel = "this kernel (before Linux 5.12, or a filter of system calls) cannot do it"
)
