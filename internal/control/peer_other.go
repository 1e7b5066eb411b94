//go:build !linux

package control

import (
	"errors"
	"net"
)

func peerOf(net.Conn) (Peer, error) { return Peer{}, errors.ErrUnsupported }
