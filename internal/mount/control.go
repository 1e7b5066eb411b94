package mount

import (
	"context"
	"encoding/json"

	"infisicalfs/internal/control"
)

// What a mount's process can be asked. Who asks is its user, or root.
const callStatus = "status" // answered with a Status

// listen lets other processes ask. That it cannot be done is no reason not to
// mount: the tree has the status too, unless it was told to have none.
func (m *Mount) listen() {
	server, err := control.Serve(m.device, map[string]control.Call{
		callStatus: func(context.Context, control.Peer, map[string]string) (any, error) {
			text, err := m.rooms.document()
			return json.RawMessage(text), err
		},
	}, m.log)
	if err != nil {
		m.log.Warn("other processes cannot ask this one", "mountpoint", m.point, "error", err)
		return
	}
	m.control = server
}

// deafen ends what listen began.
func (m *Mount) deafen() {
	<-m.listened
	if m.control != nil {
		m.control.Close()
	}
}
