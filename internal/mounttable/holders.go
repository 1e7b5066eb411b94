package mounttable

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

// HeldBy names holders in a row, "" if none is known.
func HeldBy(list []Holder) string {
	var names []string
	for _, h := range list {
		names = append(names, h.String())
	}
	return strings.Join(names, ", ")
}
