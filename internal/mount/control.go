package mount

import (
	"context"
	"encoding/json"
	"fmt"

	"infisicalfs/internal/control"
	"infisicalfs/internal/exitcode"
)

// What a mount's process can be asked. Who asks is its user, or root.
const (
	callStatus   = "status"          // answered with a Status
	callSend     = "send"            // tries to send what exists nowhere else; answered with the []Text that is left
	callDiscard  = "discard"         // nothing is sent at the end
	callReturn   = "return"          // mounts it again where it was taken out of the tree
	callReplace  = "replace"         // goes on as package handover says
	callRejected = "rejected"        // answered with a []Text
	callGet      = "rejected/get"    // a text by its name: answered with its bytes
	callRemove   = "rejected/remove" // a text by its name
)

// wordName is the word for a text's name.
const wordName = "name"

// listen lets other processes ask. That it cannot be done is no reason not to
// mount: the tree has the status too, unless it was told to have none.
func (m *Mount) listen() {
	server, err := control.Serve(m.device, map[string]control.Call{
		callStatus:   m.tellStatus,
		callSend:     m.trySending,
		callDiscard:  m.discard,
		callReturn:   m.comeBack,
		callReplace:  m.handOver,
		callRejected: m.listRejected,
		callGet:      m.getRejected,
		callRemove:   m.removeRejected,
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

func (m *Mount) tellStatus(context.Context, control.Peer, map[string]string) (any, error) {
	text, err := m.rooms.document()
	return json.RawMessage(text), err
}

func (m *Mount) trySending(ctx context.Context, _ control.Peer, _ map[string]string) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, sendFor)
	defer cancel()
	return m.rooms.tree.SendUnsent(ctx), nil
}

func (m *Mount) discard(context.Context, control.Peer, map[string]string) (any, error) {
	m.discarding.Store(true)
	return nil, nil
}

func (m *Mount) listRejected(context.Context, control.Peer, map[string]string) (any, error) {
	return m.rooms.tree.Rejected(), nil
}

// getRejected gives a text to whom the file in .infisicalfs/rejected could be read
// by: who wrote it, and root.
func (m *Mount) getRejected(_ context.Context, from control.Peer, words map[string]string) (any, error) {
	value, text, ok := m.rooms.tree.RejectedText(words[wordName])
	if !ok {
		return nil, m.noText(words[wordName])
	}
	if from.UID != 0 && from.UID != text.UID {
		return nil, &control.Error{Text: fmt.Sprintf("%s is a text of user %d", text.Name, text.UID), Hint: "get it as that user or as root", Code: exitcode.Denied}
	}
	return []byte(value.Reveal()), nil
}

// removeRejected is for who could remove the file: the mount's user, and root.
func (m *Mount) removeRejected(_ context.Context, _ control.Peer, words map[string]string) (any, error) {
	if !m.rooms.tree.RemoveRejected(words[wordName]) {
		return nil, m.noText(words[wordName])
	}
	return nil, nil
}

func (m *Mount) noText(name string) error {
	return &control.Error{Text: fmt.Sprintf("%s keeps no text called %q", m.point, name), Hint: "infisicalfs rejected list " + m.point, Code: exitcode.NotFound}
}
