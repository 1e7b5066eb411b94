package daemon

import (
	"golang.org/x/sys/unix"
)

// replaceDescriptor makes to another name of what from is.
func replaceDescriptor(from, to int) error { return unix.Dup3(from, to, 0) }

// closeRestOnExec keeps descriptors that this process merely inherited from
// being passed on: a mount in the background would hold them open for ever, and
// whoever waits for the end of a pipe would wait as long. Kernels before 5.11
// cannot do it.
func closeRestOnExec() {
	_ = unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
}
