package control

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// peerOf asks the kernel, which noted it when the connection was made.
func peerOf(c net.Conn) (Peer, error) {
	socket, ok := c.(*net.UnixConn)
	if !ok {
		return Peer{}, errors.New("not a unix socket")
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return Peer{}, err
	}
	var cred *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return Peer{}, err
	}
	if failed != nil {
		return Peer{}, failed
	}
	return Peer{cred.Uid, int(cred.Pid)}, nil
}
