package mount

import (
	"fmt"
	"strings"

	"github.com/moby/sys/mountinfo"
)

const (
	sourceName = "infisicalfs" // first column of mount(8) and df, for the whole tree
	subtype    = "infisicalfs"
	fsType     = "fuse." + subtype // what the mount table calls it
)

// table is the kernel's list of mounts at one moment. Reading it touches no
// mounted file system.
type table []*mountinfo.Info

func readTable() (table, error) {
	mounts, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, fmt.Errorf("reading the mount table: %w", err)
	}
	return mounts, nil
}

// at returns the mount that somebody who opens point gets: of several on one
// directory the one that no other of them is mounted on. Nil: not a mountpoint.
func (t table) at(point string) *mountinfo.Info {
	covered := map[int]bool{}
	for _, m := range t {
		if m.Mountpoint == point {
			covered[m.Parent] = true
		}
	}
	var top *mountinfo.Info
	for _, m := range t {
		if m.Mountpoint == point && !covered[m.ID] {
			top = m
		}
	}
	return top
}

// below returns the mount that m is mounted on if both are at the same point,
// else nil.
func (t table) below(m *mountinfo.Info) *mountinfo.Info {
	if under := t.parent(m); under != nil && under.Mountpoint == m.Mountpoint {
		return under
	}
	return nil
}

// parent returns the mount that m is mounted on, nil if the table does not have
// it.
func (t table) parent(m *mountinfo.Info) *mountinfo.Info {
	for _, other := range t {
		if m != nil && other.ID == m.Parent {
			return other
		}
	}
	return nil
}

// has reports whether the mount of ours with that connection is at point, on
// top or not.
func (t table) has(point string, connection int) bool {
	for _, m := range t {
		if m.Mountpoint == point && ours(m) && m.Minor == connection {
			return true
		}
	}
	return false
}

// connected reports whether a mount of ours with that connection is anywhere in
// the table.
func (t table) connected(connection int) bool {
	for _, m := range t {
		if ours(m) && m.Minor == connection {
			return true
		}
	}
	return false
}

// around returns the mount of ours that path lies inside of, nil if none does.
// A mountpoint is not inside itself.
func (t table) around(path string) *mountinfo.Info {
	for _, m := range t {
		if !ours(m) || m.Mountpoint == path {
			continue
		}
		if strings.HasPrefix(path, strings.TrimSuffix(m.Mountpoint, "/")+"/") {
			return m
		}
	}
	return nil
}

// ours reports whether m was mounted by an infisicalfs, of whatever user.
func ours(m *mountinfo.Info) bool { return m != nil && m.FSType == fsType }

// shared reports whether what is mounted on m appears in other places too.
func shared(m *mountinfo.Info) bool { return m != nil && strings.Contains(m.Optional, "shared:") }

// isFUSE reports whether some server process stands behind m.
func isFUSE(m *mountinfo.Info) bool {
	return m != nil && (m.FSType == "fuse" || m.FSType == "fuseblk" || strings.HasPrefix(m.FSType, "fuse."))
}
