package mounttable

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// WritableInReadOnly finds where others, in other mount namespaces, can write to a
// mount of ours although what it is mounted in there was bound read-only. That is a
// container which was given the directory around a mount read-only, but not
// recursively, after the mount was made; or which got the mount by propagation from a
// process that could not make it read-only elsewhere.
//
// What was bound by itself into a container whose own root is read-only is none:
// somebody meant it to be writable.
func WritableInReadOnly() (found []Holder) {
	var here Table
	namespaces(func(pid int, mounts Table) {
		if pid == 0 {
			here = mounts
			return
		}
		for _, m := range mounts {
			if Ours(m) && !readOnly(m) && mounts.cameAlong(m, here) {
				found = append(found, holder(pid, m.Mountpoint))
			}
		}
	})
	return found
}

// cameAlong reports whether m, in t, is mounted in something read-only that has come
// into t with it, or before it: the same directory as here, or an instance of ours.
func (t Table) cameAlong(m *mountinfo.Info, here Table) bool {
	around := t.Parent(m)
	if around == nil || !readOnly(around) {
		return false
	}
	if Ours(t.Below(m)) {
		return true
	}
	return slices.ContainsFunc(here, func(h *mountinfo.Info) bool {
		parent := here.Parent(h)
		return Ours(h) && h.Minor == m.Minor && parent != nil &&
			parent.Major == around.Major && parent.Minor == around.Minor && within(parent, h) == within(around, m)
	})
}

// within is where m is mounted in the file system of the mount around it.
func within(around, m *mountinfo.Info) string {
	rel, err := filepath.Rel(around.Mountpoint, m.Mountpoint)
	if err != nil {
		return ""
	}
	return path.Join(around.Root, rel)
}

// readOnly reports whether nothing can be written through this instance.
func readOnly(m *mountinfo.Info) bool {
	return slices.Contains(strings.Split(m.Options, ","), "ro")
}
