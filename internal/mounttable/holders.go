package mounttable

import (
	"fmt"
	"strings"
)

// Holder is somebody who has a mount, or a part of it: another instance of it, or
// something in it that is open.
type Holder struct {
	PID        int    `json:"pid,omitempty"` // 0: it is a bind mount in this mount namespace
	Command    string `json:"command,omitempty"`
	Mountpoint string `json:"mountpoint,omitempty"` // of another instance, as that process sees it; else it is in Uses
	// Uses is what the process has of the mount: "working directory", "root directory",
	// "2 open files", "mapped files"; or that this is not known, of a process that is being started.
	Uses []string `json:"uses,omitempty"`
}

// String is for people; names in it are foreign words.
func (h Holder) String() string {
	switch {
	case h.PID == 0:
		return "the bind mount " + h.Mountpoint
	case h.Mountpoint == "":
		return fmt.Sprintf("process %d (%s: %s)", h.PID, h.Command, strings.Join(h.Uses, ", "))
	}
	return fmt.Sprintf("process %d (%s) at %s", h.PID, h.Command, h.Mountpoint)
}

// namedHolders is how many HeldBy names.
const namedHolders = 20

// HeldBy names holders in a row, "" if none is known.
func HeldBy(list []Holder) string {
	var names []string
	for _, h := range list[:min(len(list), namedHolders)] {
		names = append(names, h.String())
	}
	if more := len(list) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
