package systemd

import (
	"os"

	"golang.org/x/sys/unix"
)

// tell sends a message, and a descriptor with it unless that is negative. The net package
// sends none on a connected datagram socket.
func tell(message string, fd int) error {
	path := os.Getenv(socketVariable)
	if path == "" {
		return ErrNoManager
	}
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	var rights []byte
	if fd >= 0 {
		rights = unix.UnixRights(fd)
	}
	// A name in the abstract namespace begins with @, here as in the environment.
	return unix.Sendmsg(socket, []byte(message), rights, &unix.SockaddrUnix{Name: path}, unix.MSG_NOSIGNAL)
}
