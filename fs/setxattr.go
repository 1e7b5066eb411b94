package fs

import (
	"context"
	"strings"
	"syscall"
	"unicode/utf8"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
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

// Setxattr changes a secret's comment, or its tags: slugs with commas between.
func (n *file) Setxattr(ctx context.Context, attr string, data []byte, flags uint32) syscall.Errno {
	switch {
	case n.fs.cfg.Writer == nil:
		return syscall.EROFS
	case !utf8.Valid(data) && n.annotation(attr) == 0:
		return syscall.EILSEQ
	}
	return n.annotate(ctx, "setxattr", attr, string(data), flags)
}

// Removexattr removes a secret's comment or all its tags.
func (n *file) Removexattr(ctx context.Context, attr string) syscall.Errno {
	if n.fs.cfg.Writer == nil {
		return syscall.EROFS
	}
	return n.annotate(ctx, "removexattr", attr, "", xattrReplace)
}

// annotation returns why an attribute cannot be set, 0 if it can: most are what
// the server says, and there is no place for others.
func (n *file) annotation(attr string) syscall.Errno {
	switch {
	case !strings.HasPrefix(attr, xattrPrefix), n.asScratch() != nil:
		return syscall.ENOTSUP
	case attr != commentAttr && attr != tagsAttr:
		return syscall.EPERM
	}
	return 0
}

func (n *file) annotate(ctx context.Context, op, attr, text string, flags uint32) syscall.Errno {
	if errno := n.annotation(attr); errno != 0 {
		return errno
	}
	ctx, stop := n.fs.patient(ctx)
	defer stop()
	f := n.fs
	dir, name := n.where()
	leave, err := f.folderQueue.Enter(ctx, dir)
	if err != nil {
		return n.annotateFailed(op, err)
	}
	defer leave()
	_, s, err := n.current(ctx)
	if err == nil && s.Import != nil {
		err = errImported
	}
	if err == nil && (f.cfg.PersonalReadOnly || s.Personal) {
		err = errPersonal
	}
	if err != nil {
		return n.annotateFailed(op, err)
	}
	comment, tags := &text, []string(nil)
	set := s.Comment != ""
	if attr == tagsAttr {
		comment, tags, set = nil, splitTags(text), len(s.Tags) > 0
	}
	switch {
	case flags&xattrCreate != 0 && set:
		return syscall.EEXIST
	case flags&xattrReplace != 0 && !set:
		return syscall.Errno(fuse.ENOATTR)
	}
	got, err := f.cfg.Writer.Annotate(ctx, dir, name, comment, tags)
	if err != nil {
		return n.annotateFailed(op, err)
	}
	f.writes.sent.Add(1)
	if s.Version+1 == got.Version {
		f.bases.moved(dir, name, baseOf(&s), baseOf(&got))
		for _, h := range f.overlay.writers(dir, name) {
			h.rebase(baseOf(&s), baseOf(&got))
		}
	}
	f.tell(dir, name)
	return 0
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

func (d *dir) Setxattr(_ context.Context, attr string, _ []byte, _ uint32) syscall.Errno {
	return d.refusal(foreignChange(attr))
}

func (d *dir) Removexattr(_ context.Context, attr string) syscall.Errno {
	return d.refusal(foreignChange(attr))
}

func foreignChange(attr string) syscall.Errno {
	if strings.HasPrefix(attr, xattrPrefix) {
		return syscall.EPERM
	}
	return syscall.ENOTSUP
}
