package reaper

import (
	"encoding/binary"
	"errors"
	"maps"

	"golang.org/x/sys/unix"
)

// tellWithin is how many seconds the other process may take to hear something, of which
// many fit into its socket.
const tellWithin = 2

// message tells a reaper of a connection, with a descriptor of it, or without one that it is
// to let go of it.
type message struct{ id, connection uint32 }

const messageLen = 8

// tell sends a message, and a descriptor with it unless that is negative.
func (r *reaper) tell(m message, device int) error {
	text := binary.NativeEndian.AppendUint32(nil, m.id)
	text = binary.NativeEndian.AppendUint32(text, m.connection)
	var rights []byte
	if device >= 0 {
		rights = unix.UnixRights(device)
	}
	for {
		err := unix.Sendmsg(r.told, text, rights, nil, unix.MSG_NOSIGNAL)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// hear does what messages say until there are no more: with MSG_DONTWAIT those that have
// come, else until nobody can send any.
func (w *watch) hear(socket, flags int) {
	text, rights := make([]byte, messageLen), make([]byte, unix.CmsgSpace(4))
	for {
		n, r, _, _, err := unix.Recvmsg(socket, text, rights, flags|unix.MSG_CMSG_CLOEXEC)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n < messageLen {
			return
		}
		k := kept{device: received(rights[:r]), connection: int(binary.NativeEndian.Uint32(text[4:]))}
		id := binary.NativeEndian.Uint32(text)
		if k.device < 0 {
			w.drop(id)
			continue
		}
		w.mu.Lock()
		w.kept[id] = k
		w.mu.Unlock()
	}
}

// received is the descriptor in a control message, -1 if there is none.
func received(rights []byte) int {
	messages, _ := unix.ParseSocketControlMessage(rights)
	for _, m := range messages {
		if fds, err := unix.ParseUnixRights(&m); err == nil && len(fds) > 0 {
			return fds[0]
		}
	}
	return -1
}

// all are the connections that are watched, by number.
func (w *watch) all() map[uint32]kept {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.kept)
}

// drop lets go of a connection.
func (w *watch) drop(id uint32) {
	w.mu.Lock()
	k, ok := w.kept[id]
	delete(w.kept, id)
	w.mu.Unlock()
	if ok {
		unix.Close(k.device)
	}
}

func (w *watch) closeAll() {
	for id := range w.all() {
		w.drop(id)
	}
}
