package mount

import (
	"fmt"
	"strings"
)

// Holder is somebody who still has a mount that was taken out of the tree.
type Holder struct {
	PID        int    `json:"pid,omitempty"` // of a process in another mount namespace; 0: it is a bind mount in this one
	Command    string `json:"command,omitempty"`
	Mountpoint string `json:"mountpoint"` // as that process sees it
}

// String is for people; names in it are foreign words.
func (h Holder) String() string {
	if h.PID == 0 {
		return "the bind mount " + h.Mountpoint
	}
	return fmt.Sprintf("process %d (%s) at %s", h.PID, h.Command, h.Mountpoint)
}

// heldBy names holders in a row, "" if none is known.
func heldBy(list []Holder) string {
	var names []string
	for _, h := range list {
		names = append(names, h.String())
	}
	return strings.Join(names, ", ")
}

// goesOn is called when the mount has left the tree, and logs who keeps it from
// ending.
func (m *Mount) goesOn() {
	if !m.letGoWithin(lettingGo) {
		m.log.Warn("unmounted here, and goes on for others", "mountpoint", m.point, "held_by", heldBy(holders(m.device)))
	}
}
