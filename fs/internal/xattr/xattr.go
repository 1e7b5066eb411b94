// Package xattr says which extended attributes files have, and what setting one
// means. All begin with "user.infisical.": they show what the server knows of a
// secret besides its value, and two of them, the comment and the tags, can be set.
// What somebody sets is a [Note]; of a file that the server does not have yet it
// waits in [Notes].
//
// A node makes a [List] of what its file has, and answers getxattr(2) and
// listxattr(2) with [List.Get] and [List.Names]. Nothing here asks the server. Errors
// are errnos, as the kernel is told them.
package xattr

import (
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/secret"
)

// Prefix begins the name of each attribute.
const Prefix = "user.infisical."

// Attr is one extended attribute. Its name is without the prefix.
type Attr struct{ Name, Value string }

// List is what a file has. Attributes without content count as not there.
type List []Attr

// OfSecret returns what is known about a secret of the snapshot besides its value.
func OfSecret(snap *secret.Folder, s *secret.Secret) List {
	kind := "shared"
	if s.Personal {
		kind = "personal"
	}
	origin := s.Origin
	if origin == nil {
		origin = &secret.Origin{Dir: snap.Dir, Name: s.Name}
	}
	list := List{
		{"id", s.ID},
		{"type", kind},
		{"comment", s.Comment},
		{"tags", strings.Join(s.Tags, ",")},
		{"key", origin.Name},
		{"environment", origin.Dir.Env},
		{"path", origin.Dir.Path},
		{"updated_at", date(s.Updated)},
		{"fetched_at", moment(snap.Fetched)},
		{"stale", strconv.FormatBool(snap.Stale)},
	}
	if s.Version > 0 {
		list = append(list, Attr{"version", strconv.Itoa(s.Version)})
	}
	if s.Import != nil {
		list = append(list, Attr{"import", s.Import.String()})
	}
	return list
}

// OfApproval returns which request for an approval was made of a text or a secret.
func OfApproval(request string) List { return List{{"approval_request", request}} }

// OfDir returns where a directory lies.
func OfDir(dir secret.Dir) List {
	return List{
		{"key", dir.Name()},
		{"environment", dir.Env},
		{"path", dir.Path},
	}
}

// OfView returns what is known about the views of a folder, which are as of that
// date.
func OfView(snap *secret.Folder, updated time.Time) List {
	return List{
		{"environment", snap.Dir.Env},
		{"path", snap.Dir.Path},
		{"updated_at", date(updated)},
		{"fetched_at", moment(snap.Fetched)},
		{"stale", strconv.FormatBool(snap.Stale)},
	}
}

// moment is a date that changes while somebody looks. It always has the same
// length: rsync asks for that first and takes another one for a failure.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000000Z07:00")
}

func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// Foreign returns the answer to getxattr(2) for attributes that are not ours: there
// are no access control lists here, and nothing in any other name. 0: it is ours.
func Foreign(attr string) syscall.Errno {
	switch {
	case strings.HasPrefix(attr, Prefix):
		return 0
	case strings.HasPrefix(attr, "system.posix_acl_"):
		return syscall.ENOTSUP
	default:
		return syscall.Errno(fuse.ENOATTR)
	}
}

// Get answers getxattr(2) for the attribute of that full name: it copies the value
// into dest and returns its length, which with ERANGE is what dest would need.
// ENOATTR (ENODATA on Linux): it is not there.
func (l List) Get(attr string, dest []byte) (uint32, syscall.Errno) {
	if value, ok := l.find(attr); ok {
		return answer(value, dest)
	}
	return 0, syscall.Errno(fuse.ENOATTR)
}

// Has reports whether the attribute of that full name is there.
func (l List) Has(attr string) bool {
	_, ok := l.find(attr)
	return ok
}

func (l List) find(attr string) (value string, ok bool) {
	for _, x := range l {
		if Prefix+x.Name == attr && x.Value != "" {
			return x.Value, true
		}
	}
	return "", false
}

// Names answers listxattr(2) in the way of [List.Get]: full names, each with a NUL
// behind it.
func (l List) Names(dest []byte) (uint32, syscall.Errno) {
	var names strings.Builder
	for _, x := range l {
		if x.Value != "" {
			names.WriteString(Prefix + x.Name + "\x00")
		}
	}
	return answer(names.String(), dest)
}

// answer copies text into dest. If that is too small it says how much is needed.
func answer(text string, dest []byte) (uint32, syscall.Errno) {
	if len(dest) < len(text) {
		return uint32(len(text)), syscall.ERANGE
	}
	return uint32(copy(dest, text)), 0
}
