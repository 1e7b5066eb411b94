// Package snapshot computes with folder snapshots, for the cache: whether two show
// the same, what a change makes of one, which need one serves, and how many bytes
// it takes. All functions are of immutable values: nothing is kept here,
// no clock is read but to date a new folder, and nobody's snapshot is changed, as a
// variation is a copy.
package snapshot

import (
	"unsafe"

	"infisicalfs/secret"
)

// Serves reports whether folder is enough for the need. One without its list of
// subfolders serves [secret.NeedEntry] if it is Partial, as a caller who misses an
// entry in that comes back with [secret.NeedProof].
func Serves(folder *secret.Folder, need secret.Need) bool {
	if folder.NoSecrets {
		return need == secret.NeedFolder
	}
	switch need {
	case secret.NeedProof:
		return !folder.Partial && !folder.NoSubfolders
	case secret.NeedListing:
		return !folder.NoSubfolders
	default:
		return !folder.NoSubfolders || folder.Partial
	}
}

// Size estimates the bytes that folder, which may be nil, occupies.
func Size(folder *secret.Folder) int64 {
	if folder == nil {
		return 0
	}
	n := int(unsafe.Sizeof(*folder)) + len(folder.Revision)
	for i := range folder.Secrets {
		s := &folder.Secrets[i]
		n += int(unsafe.Sizeof(*s)) + int(unsafe.Sizeof("")) // the value's own header
		n += len(s.Name) + len(s.ID) + s.Value.Len() + len(s.Reason) + len(s.Comment)
		for _, tag := range s.Tags {
			n += int(unsafe.Sizeof(tag)) + len(tag)
		}
		for _, m := range s.Metadata {
			n += int(unsafe.Sizeof(m)) + len(m.Key) + len(m.Value)
		}
		if s.Import != nil {
			n += int(unsafe.Sizeof(*s.Import)) + len(s.Import.Path)
		}
	}
	for _, sub := range folder.Folders {
		n += int(unsafe.Sizeof(sub)) + len(sub.Name) + len(sub.ID)
	}
	return int64(n)
}
