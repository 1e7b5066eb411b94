package caller

import "math"

// NoUser is the user of a request of which the kernel does not tell it: on a mount
// that may have idmapped binds, all that create nothing.
const NoUser = math.MaxUint32

// User returns the user in whose name a thread uses file systems, which is who a
// request without mapped owners names. It is not ok if that cannot be found out.
// Nothing is remembered: a server may act for another user with each request.
func User(thread uint32) (uid uint32, ok bool) {
	if thread == 0 {
		return 0, false
	}
	status, err := readStatus(thread)
	return status.user, err == nil && status.hasUser
}

// Groups returns the groups that a thread is in besides its own one, none if that
// cannot be found out. Nothing is remembered.
func Groups(thread uint32) []uint32 {
	if thread == 0 {
		return nil
	}
	status, _ := readStatus(thread)
	return status.groups
}
