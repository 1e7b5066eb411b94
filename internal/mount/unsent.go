package mount

import (
	"context"
	"time"

	tree "infisicalfs/fs"
)

// Text is one of which the server does not have the last word: unsent, refused, or
// the old value of something that was removed or replaced.
type Text = tree.UnsentText

// sendFor is how long the end of a mount may take for sending what exists nowhere
// else. The service units' patience is longer.
const sendFor = 20 * time.Second

// lastWords sends what exists nowhere else, because the mount is about to end or has
// been taken away, and returns what is left. All calls together take sendFor at
// most: what cannot be sent before the unmount is tried once more after it only in
// what remains of that. Nothing is sent after discard.
func (m *Mount) lastWords() []Text {
	left := m.rooms.tree.Unsent()
	if len(left) == 0 || m.discarding.Load() {
		return left
	}
	m.log.Warn("sending what exists nowhere else", "mountpoint", m.point, "texts", len(left), "within", sendFor)
	ctx, cancel := context.WithDeadline(context.Background(), m.sendUntil())
	defer cancel()
	return m.rooms.tree.SendUnsent(ctx)
}

// lose logs by name what ends with the mount.
func (m *Mount) lose(texts []Text) {
	for _, t := range texts {
		m.log.Error("this text was not sent, and ends with the mount", "mountpoint", m.point, "path", t.Path, "size", t.Size, "uid", t.UID, "why", t.Why)
	}
}
