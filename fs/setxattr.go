package fs

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"unicode/utf8"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/secret"
)

var (
	_ fusefs.NodeSetxattrer    = (*file)(nil)
	_ fusefs.NodeRemovexattrer = (*file)(nil)
	_ fusefs.NodeSetxattrer    = (*dir)(nil)
	_ fusefs.NodeRemovexattrer = (*dir)(nil)
)

// Flags of setxattr(2), as the kernel sends them.
const (
	xattrCreate  = 1
	xattrReplace = 2
)

const (
	commentAttr = xattrPrefix + "comment"
	tagsAttr    = xattrPrefix + "tags"
)

// described are the attributes that say what the server has. They are the server's
// to change, and are set all the same by whoever copies files with all that
// belongs to them (rsync -X, cp --preserve=xattr, backup programs), perhaps from
// elsewhere or from long ago. So setting them succeeds and changes nothing, as
// with modes, owners and dates.
var described = map[string]bool{
	"id": true, "type": true, "key": true, "environment": true, "path": true, "import": true,
	"version": true, "updated_at": true, "fetched_at": true, "stale": true,
}

// settable says what setting an attribute is: a change of a secret's comment or
// tags (note), something that succeeds without effect, or an error.
func settable(attr string) (note bool, errno syscall.Errno) {
	name, ours := strings.CutPrefix(attr, xattrPrefix)
	switch {
	case !ours:
		return false, syscall.ENOTSUP
	case attr == commentAttr, attr == tagsAttr:
		return true, 0
	case described[name]:
		return false, 0
	}
	return false, syscall.EPERM
}

// flagged is what flags of setxattr(2) make of an attribute that is there, or is
// not.
func flagged(flags uint32, there bool) syscall.Errno {
	switch {
	case flags&xattrCreate != 0 && there:
		return syscall.EEXIST
	case flags&xattrReplace != 0 && !there:
		return syscall.Errno(fuse.ENOATTR)
	}
	return 0
}

// Setxattr changes a secret's comment, or its tags: slugs with commas between. Of
// a file that the server does not have yet they are sent after it.
func (n *file) Setxattr(ctx context.Context, attr string, data []byte, flags uint32) syscall.Errno {
	if n.fs.cfg.Writer == nil {
		return syscall.EROFS
	}
	note, errno := settable(attr)
	switch {
	case errno != 0:
		return errno
	case !note:
		return n.describe(ctx, "setxattr", attr, flags)
	case !utf8.Valid(data):
		return syscall.EILSEQ
	}
	return n.annotate(ctx, "setxattr", attr, string(data), flags)
}

// Removexattr removes a secret's comment or all its tags.
func (n *file) Removexattr(ctx context.Context, attr string) syscall.Errno {
	if n.fs.cfg.Writer == nil {
		return syscall.EROFS
	}
	note, errno := settable(attr)
	switch {
	case errno != 0:
		return errno
	case !note:
		return n.describe(ctx, "removexattr", attr, xattrReplace)
	}
	return n.annotate(ctx, "removexattr", attr, "", xattrReplace)
}

// describe answers for attributes that nobody can change.
func (n *file) describe(ctx context.Context, op, attr string, flags uint32) syscall.Errno {
	if flags == 0 {
		return 0
	}
	list, err := n.xattrs(ctx)
	if err != nil {
		return n.annotateFailed(op, err)
	}
	_, there := find(list, attr)
	return flagged(flags, there)
}

func (n *file) annotate(ctx context.Context, op, attr, text string, flags uint32) syscall.Errno {
	ctx, stop := n.fs.patient(ctx)
	defer stop()
	f := n.fs
	dir, name := n.where()
	leave, err := f.folderQueue.Enter(ctx, dir)
	if err != nil {
		return n.annotateFailed(op, err)
	}
	defer leave()
	if later := n.notes(); later != nil {
		return later.set(attr, text, flags)
	}
	_, s, err := n.current(ctx)
	switch {
	case errors.Is(err, secret.ErrNotFound):
		return n.gone(op, err)
	case err == nil && s.Import != nil:
		err = errImported
	case err == nil && (f.cfg.PersonalReadOnly || s.Personal):
		err = errPersonal
	}
	if err != nil {
		return n.annotateFailed(op, err)
	}
	there := s.Comment != ""
	if attr == tagsAttr {
		there = len(s.Tags) > 0
	}
	if errno := flagged(flags, there); errno != 0 {
		return errno
	}
	if _, err := f.annotate(ctx, dir, name, &s, noteOf(attr, text)); err != nil {
		return n.annotateFailed(op, err)
	}
	f.tell(dir, name)
	return 0
}

// annotate has the server change what is noted about a secret, which was s. The
// caller has its turn in the folder's queue. Who writes to the secret goes on
// from the version that this makes.
func (f *FS) annotate(ctx context.Context, dir secret.Dir, name string, s *secret.Secret, what note) (secret.Secret, error) {
	got, err := f.cfg.Writer.Annotate(ctx, dir, name, what.comment, what.tags)
	if err != nil {
		return got, err
	}
	f.writes.sent.Add(1)
	if s.Version+1 == got.Version {
		f.bases.Rebase(dir, name, lostupdate.BaseOf(s), lostupdate.BaseOf(&got))
		for _, h := range f.overlay.writers(dir, name) {
			h.rebase(lostupdate.BaseOf(s), lostupdate.BaseOf(&got))
		}
	}
	return got, nil
}

// annotateFailed is failed, where EAGAIN cannot be said: the kernel would make
// "not supported" of it.
func (n *file) annotateFailed(op string, err error) syscall.Errno {
	errno := errnoOf(err)
	if errno == syscall.EAGAIN {
		errno = syscall.ETIMEDOUT
	}
	return n.fs.failedAs(op, n.path(), err, errno)
}

// splitTags is never nil: no tags is something to set.
func splitTags(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
}

// Setxattr of a directory changes nothing: all that it has says where it is.
func (d *dir) Setxattr(_ context.Context, attr string, _ []byte, flags uint32) syscall.Errno {
	return d.describe(attr, flags)
}

func (d *dir) Removexattr(_ context.Context, attr string) syscall.Errno {
	return d.describe(attr, xattrReplace)
}

func (d *dir) describe(attr string, flags uint32) syscall.Errno {
	note, errno := settable(attr)
	if note {
		errno = syscall.EPERM
	}
	if errno = d.refusal(errno); errno != 0 || flags == 0 {
		return errno
	}
	_, there := find(d.xattrs(), attr)
	return flagged(flags, there)
}
