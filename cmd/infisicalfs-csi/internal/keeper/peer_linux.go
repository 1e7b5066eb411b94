package keeper

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// identify returns a descriptor of the process at the other end, negative where the kernel has none (before Linux
// 6.5), if it is one of the same user, or of root.
func identify(c *net.UnixConn) (process int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	var who *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		if who, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); failed != nil {
			return
		}
		if process, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PEERPIDFD); err != nil {
			process = -1
		}
	}); err != nil || failed != nil {
		return -1, errors.Join(err, failed)
	}
	if who.Uid != 0 && int(who.Uid) != os.Geteuid() {
		if process >= 0 {
			unix.Close(process)
		}
		return -1, fmt.Errorf("it is of user %d", who.Uid)
	}
	return process, nil
}
