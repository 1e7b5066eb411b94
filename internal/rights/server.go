package rights

import (
	"fmt"
	"strconv"
	"strings"

	"infisicalfs/secret"
)

// Server lets the metadata of a secret say what its file's mode and owner are. Who
// may edit secrets is not who may decide what happens on this machine, so it goes
// as far as the mount says and no further.
type Server struct {
	// Ceiling has the permission bits that may be given at most.
	Ceiling uint32
	// Account returns the number of a user, or of a group, by its name. It
	// answers at once.
	Account func(name string, group bool) (uint32, bool)
}

// The keys of the metadata.
const (
	modeKey  = "fs.mode"  // octal, such as 0440
	ownerKey = "fs.owner" // a user's name or number
	groupKey = "fs.group" // a group's
)

// nobody is the number that chown takes for "leave it as it is".
const nobody = 1<<32 - 1

// rights returns what a secret's metadata asks for, all or none, in place of the
// mount's. Files that belong to root are believed by programs because of
// that, so root is for mounts that are root's anyway. Who is given a file gets no
// more of it than the ceiling has, whatever the mount's mode is.
func (s *Server) rights(metadata []secret.Metadata, mount Attr) (rights Rights, err error) {
	for _, m := range metadata {
		switch m.Key {
		case modeKey:
			bits, err := strconv.ParseUint(m.Value, 8, 32)
			if err != nil {
				return Rights{}, fmt.Errorf("%s is no octal number: write it like 0440", modeKey)
			}
			if over := uint32(bits) &^ (s.Ceiling & 0o777); bits > 0o7777 || over != 0 {
				return Rights{}, fmt.Errorf("%s=%04o has bits that --server-modes=%04o does not allow", modeKey, bits, s.Ceiling)
			}
			mode := uint32(bits)
			rights.Mode = &mode
		case ownerKey:
			if rights.UID, err = s.account(m, false, mount.UID); err != nil {
				return Rights{}, err
			}
		case groupKey:
			if rights.GID, err = s.account(m, true, mount.GID); err != nil {
				return Rights{}, err
			}
		}
	}
	if rights.Mode == nil && (rights.UID != nil || rights.GID != nil) {
		mode := mount.Mode & s.Ceiling
		rights.Mode = &mode
	}
	return rights, nil
}

// account reads a user or group; mount is the one that the mount's files have.
func (s *Server) account(m secret.Metadata, group bool, mount uint32) (*uint32, error) {
	number, err := strconv.ParseUint(m.Value, 10, 32)
	id := uint32(number)
	if err != nil {
		var ok bool
		if id, ok = s.Account(m.Value, group); !ok {
			return nil, fmt.Errorf("%s=%q does not exist on this machine", m.Key, strings.ToValidUTF8(m.Value, "?"))
		}
	}
	if id == 0 && mount != 0 {
		return nil, fmt.Errorf("%s is root, and the mount's is not", m.Key)
	}
	if id == nobody {
		return nil, fmt.Errorf("%s=%d is no account", m.Key, id)
	}
	return &id, nil
}
