package keyring

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"
)

// ErrNoBus means that this process has no session on a desktop.
var ErrNoBus = errors.New("there is no session bus")

// Address is where the session's bus listens: as the session says, or the socket that is
// in the user's directory for it. lookup finds variables. The error is [ErrNoBus].
func Address(lookup func(string) (string, bool)) (string, error) {
	if address, _ := lookup("DBUS_SESSION_BUS_ADDRESS"); address != "" {
		// There may be several, and a program to be started could stand in one of them.
		for one := range strings.SplitSeq(address, ";") {
			if strings.HasPrefix(one, "unix:") {
				return one, nil
			}
		}
		return "", ErrNoBus
	}
	dir, _ := lookup("XDG_RUNTIME_DIR")
	if dir == "" {
		dir = filepath.Join("/run/user", strconv.Itoa(os.Getuid()))
	}
	path := filepath.Join(dir, "bus")
	if info, err := os.Stat(path); err != nil || info.Mode().Type() != os.ModeSocket {
		return "", ErrNoBus
	}
	return "unix:path=" + dbus.EscapeBusAddressValue(path), nil
}
