// Package mounttable reads the kernel's list of mounts (/proc/self/mountinfo): which
// mounts of ours there are, what lies on what, and who else has one of them. Reading
// it touches no mounted file system, so dead and hanging mounts are like any other.
package mounttable

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// What mounts of ours are called.
const (
	SourceName = "infisicalfs" // first column of mount(8) and df, for the whole tree
	Subtype    = "infisicalfs"
	FSType     = "fuse." + Subtype // what the mount table calls it
)

// ErrNotMounted means that a mount is not at its mountpoint any more.
var ErrNotMounted = errors.New("it is no longer mounted here")

// Table is the kernel's list of mounts at one moment. Reading it touches no
// mounted file system.
type Table []*mountinfo.Info

// Read reads the list as this process sees it.
func Read() (Table, error) {
	mounts, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, fmt.Errorf("reading the mount table: %w", err)
	}
	return mounts, nil
}

// At returns the mount that somebody who opens point gets: of several on one
// directory the one that no other of them is mounted on. Nil: not a mountpoint.
func (t Table) At(point string) *mountinfo.Info {
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

// Below returns the mount that m is mounted on if both are at the same point,
// else nil.
func (t Table) Below(m *mountinfo.Info) *mountinfo.Info {
	if under := t.Parent(m); under != nil && under.Mountpoint == m.Mountpoint {
		return under
	}
	return nil
}

// Parent returns the mount that m is mounted on, nil if the table does not have
// it.
func (t Table) Parent(m *mountinfo.Info) *mountinfo.Info {
	for _, other := range t {
		if m != nil && other.ID == m.Parent {
			return other
		}
	}
	return nil
}

// Has reports whether the mount of ours with that connection is at point, on
// top or not.
func (t Table) Has(point string, connection int) bool {
	for _, m := range t {
		if m.Mountpoint == point && Ours(m) && m.Minor == connection {
			return true
		}
	}
	return false
}

// Connected reports whether a mount of ours with that connection is anywhere in
// the table.
func (t Table) Connected(connection int) bool {
	for _, m := range t {
		if Ours(m) && m.Minor == connection {
			return true
		}
	}
	return false
}

// Around returns the mount of ours that path lies inside of, nil if none does.
// A mountpoint is not inside itself.
func (t Table) Around(path string) *mountinfo.Info {
	for _, m := range t {
		if !Ours(m) || m.Mountpoint == path {
			continue
		}
		if strings.HasPrefix(path, strings.TrimSuffix(m.Mountpoint, "/")+"/") {
			return m
		}
	}
	return nil
}

// Ours reports whether m was mounted by an infisicalfs, of whatever user.
func Ours(m *mountinfo.Info) bool { return m != nil && m.FSType == FSType }

// Shared reports whether what is mounted on m appears in other places too.
func Shared(m *mountinfo.Info) bool { return m != nil && strings.Contains(m.Optional, "shared:") }

// IsFUSE reports whether some server process stands behind m.
func IsFUSE(m *mountinfo.Info) bool {
	return m != nil && (m.FSType == "fuse" || m.FSType == "fuseblk" || strings.HasPrefix(m.FSType, "fuse."))
}

// Whole returns a mount of ours with that connection that shows all of it.
func (t Table) Whole(connection int) *mountinfo.Info {
	for _, m := range t {
		if Ours(m) && m.Minor == connection && m.Root == "/" {
			return m
		}
	}
	return nil
}

// Info is one line of the mount table about a mount of ours.
type Info struct {
	Mountpoint string
	UID        int  // who mounted it, -1 if the table does not say
	AllowOther bool // others may enter
}

// List returns the mounts of every infisicalfs that this process can see, in
// the mount table's order. It asks the kernel only, so a dead or hanging mount
// is listed like any other; ReadStatus of internal/mount tells them apart.
func List() ([]Info, error) {
	mounts, err := Read()
	if err != nil {
		return nil, err
	}
	var found []Info
	for _, m := range mounts {
		if Ours(m) {
			found = append(found, Describe(m))
		}
	}
	return found, nil
}

// Describe reads the options that the kernel's fuse shows for a superblock:
// "rw,user_id=1000,group_id=1000,default_permissions,allow_other".
func Describe(m *mountinfo.Info) Info {
	info := Info{Mountpoint: m.Mountpoint, UID: -1}
	for option := range strings.SplitSeq(m.VFSOptions, ",") {
		if id, ok := strings.CutPrefix(option, "user_id="); ok {
			if uid, err := strconv.Atoi(id); err == nil {
				info.UID = uid
			}
		}
		if option == "allow_other" {
			info.AllowOther = true
		}
	}
	return info
}
