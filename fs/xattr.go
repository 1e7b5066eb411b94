package fs

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/secret"
)

const xattrPrefix = "user.infisical."

// xattr is one extended attribute, without the prefix.
type xattr struct{ name, value string }

// secretXattrs returns what is known about a secret besides its value. Those without
// content are left out.
func secretXattrs(snap *secret.Folder, s *secret.Secret) []xattr {
	kind := "shared"
	if s.Personal {
		kind = "personal"
	}
	origin := s.Origin
	if origin == nil {
		origin = &secret.Origin{Dir: snap.Dir, Name: s.Name}
	}
	list := []xattr{
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
		list = append(list, xattr{"version", strconv.Itoa(s.Version)})
	}
	if s.Import != nil {
		list = append(list, xattr{"import", s.Import.String()})
	}
	return list
}

// xattrs returns where the directory lies. It needs no Source.
func (d *dir) xattrs() []xattr {
	here := d.where()
	return []xattr{
		{"key", here.Name()},
		{"environment", here.Env},
		{"path", here.Path},
	}
}

// viewXattrs returns what is known about a folder's views.
func viewXattrs(snap *secret.Folder) []xattr {
	return []xattr{
		{"environment", snap.Dir.Env},
		{"path", snap.Dir.Path},
		{"updated_at", date(newest(snap))},
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

func (n *file) Getxattr(ctx context.Context, attr string, dest []byte) (uint32, syscall.Errno) {
	if errno := foreign(attr); errno != 0 {
		return 0, errno // without asking the Source: ls -l asks for several of each file
	}
	list, err := n.xattrs(ctx)
	if err != nil {
		return 0, n.fs.failed("getxattr", n.path(), err)
	}
	return getxattr(list, attr, dest)
}

func (n *file) Listxattr(ctx context.Context, dest []byte) (uint32, syscall.Errno) {
	list, err := n.xattrs(ctx)
	if err != nil {
		return 0, n.fs.failed("listxattr", n.path(), err)
	}
	return listxattr(list, dest)
}

// xattrs returns what is known of the file. Of one that is not on the server that
// is what has been noted about it since, and of one that is there no more nothing.
func (n *file) xattrs(ctx context.Context) ([]xattr, error) {
	if later := n.notes(); later != nil {
		return later.xattrs(), nil
	}
	snap, s, err := n.current(ctx)
	switch {
	case err == nil:
		return secretXattrs(snap, &s), nil
	case errors.Is(err, secret.ErrNotFound) && n.fs.overlay.wasUnlinked(n.where()):
		return nil, nil // somebody has it open
	}
	return nil, err
}

func (d *dir) Getxattr(_ context.Context, attr string, dest []byte) (uint32, syscall.Errno) {
	if errno := foreign(attr); errno != 0 {
		return 0, errno
	}
	return getxattr(d.xattrs(), attr, dest)
}

func (d *dir) Listxattr(_ context.Context, dest []byte) (uint32, syscall.Errno) {
	return listxattr(d.xattrs(), dest)
}

// foreign returns the answer for attributes that are not ours: there are no
// access control lists here, and nothing in any other name.
func foreign(attr string) syscall.Errno {
	switch {
	case strings.HasPrefix(attr, xattrPrefix):
		return 0
	case strings.HasPrefix(attr, "system.posix_acl_"):
		return syscall.ENOTSUP
	default:
		return syscall.Errno(fuse.ENOATTR)
	}
}

func getxattr(list []xattr, attr string, dest []byte) (uint32, syscall.Errno) {
	if value, ok := find(list, attr); ok {
		return answer(value, dest)
	}
	return 0, syscall.Errno(fuse.ENOATTR)
}

// find returns the value of an attribute, which is called by its full name.
func find(list []xattr, attr string) (value string, ok bool) {
	for _, x := range list {
		if xattrPrefix+x.name == attr && x.value != "" {
			return x.value, true
		}
	}
	return "", false
}

func listxattr(list []xattr, dest []byte) (uint32, syscall.Errno) {
	var names strings.Builder
	for _, x := range list {
		if x.value != "" {
			names.WriteString(xattrPrefix + x.name + "\x00")
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
