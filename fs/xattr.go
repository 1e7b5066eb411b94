package fs

import (
	"context"
	"errors"
	"log/slog"
	"path"
	"syscall"
	"unicode/utf8"

	"infisicalfs/fs/internal/commit"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/fs/internal/xattr"
	"infisicalfs/secret"
)

func (n *file) Getxattr(ctx context.Context, attr string, dest []byte) (uint32, syscall.Errno) {
	if errno := xattr.Foreign(attr); errno != 0 {
		return 0, errno // without asking the Source: ls -l asks for several of each file
	}
	list, err := n.xattrs(ctx)
	if err != nil {
		return 0, n.fs.failed("getxattr", n.path(), err)
	}
	return list.Get(attr, dest)
}

func (n *file) Listxattr(ctx context.Context, dest []byte) (uint32, syscall.Errno) {
	list, err := n.xattrs(ctx)
	if err != nil {
		return 0, n.fs.failed("listxattr", n.path(), err)
	}
	return list.Names(dest)
}

// xattrs returns what is known of the file. Of one that is not on the server that
// is what has been noted about it since, and of one that is there no more nothing.
func (n *file) xattrs(ctx context.Context) (xattr.List, error) {
	if later := n.notes(); later != nil {
		return later.List(), nil
	}
	snap, s, err := n.current(ctx)
	switch {
	case err == nil:
		return append(xattr.OfSecret(snap, &s), n.waiting()...), nil
	case errors.Is(err, secret.ErrNotFound) && n.fs.overlay.WasUnlinked(n.where()):
		return nil, nil // somebody has it open
	}
	return nil, err
}

func (d *dir) Getxattr(_ context.Context, attr string, dest []byte) (uint32, syscall.Errno) {
	if errno := xattr.Foreign(attr); errno != 0 {
		return 0, errno
	}
	return xattr.OfDir(d.where()).Get(attr, dest)
}

func (d *dir) Listxattr(_ context.Context, dest []byte) (uint32, syscall.Errno) {
	return xattr.OfDir(d.where()).Names(dest)
}

// notes returns where to note something about the file, nil: on the server.
func (n *file) notes() *xattr.Notes {
	if sc := n.asScratch(); sc != nil {
		return &dataOf(sc).notes
	}
	dir, name := n.where()
	for _, h := range n.fs.drafts.of(dir, name) {
		if h.buffer.Creating() {
			return &h.notes
		}
	}
	return nil
}

// Setxattr changes a secret's comment, or its tags: slugs with commas between. Of
// a file that the server does not have yet they are sent after it.
func (n *file) Setxattr(ctx context.Context, attr string, data []byte, flags uint32) syscall.Errno {
	if n.fs.cfg.Writer == nil {
		return syscall.EROFS
	}
	note, errno := xattr.Settable(attr)
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
	note, errno := xattr.Settable(attr)
	switch {
	case errno != 0:
		return errno
	case !note:
		return n.describe(ctx, "removexattr", attr, xattr.Replace)
	}
	return n.annotate(ctx, "removexattr", attr, "", xattr.Replace)
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
	return xattr.Allows(flags, list.Has(attr))
}

func (n *file) annotate(ctx context.Context, op, attr, text string, flags uint32) syscall.Errno {
	ctx, stop := n.fs.killable(ctx)
	defer stop()
	f := n.fs
	if sc := n.asScratch(); sc != nil {
		if err := f.carryOutBeforeChange(ctx, sc); err != nil {
			return n.annotateFailed(op, err)
		}
	}
	dir, name := n.where()
	leave, err := f.folderQueue.Enter(ctx, dir)
	if err != nil {
		return n.annotateFailed(op, err)
	}
	defer leave()
	if later := n.notes(); later != nil {
		return later.Set(attr, text, flags)
	}
	_, s, err := n.current(ctx)
	switch {
	case errors.Is(err, secret.ErrNotFound):
		return n.gone(op, err)
	case err == nil && s.Import != nil:
		err = commit.ErrImported
	case err == nil && (f.cfg.PersonalReadOnly || s.Personal):
		err = commit.ErrPersonal
	}
	if err != nil {
		return n.annotateFailed(op, err)
	}
	if errno := xattr.Allows(flags, xattr.NotedOn(&s, attr)); errno != 0 {
		return errno
	}
	if _, err := f.annotate(ctx, dir, name, &s, xattr.NoteOf(attr, text)); err != nil {
		return n.annotateFailed(op, err)
	}
	return 0
}

// annotate has the server change what is noted about a secret, which was s. The
// caller has its turn in the folder's queue. Who writes to the secret goes on
// from the version that this makes.
func (f *FS) annotate(ctx context.Context, dir secret.Dir, name string, s *secret.Secret, what xattr.Note) (secret.Secret, error) {
	got, err := f.cfg.Writer.Annotate(ctx, dir, name, what.Comment, what.Tags)
	if err != nil {
		return got, err
	}
	if s.Version+1 == got.Version {
		f.bases.Rebase(dir, name, lostupdate.BaseOf(s), lostupdate.BaseOf(&got))
		for _, h := range f.drafts.of(dir, name) {
			h.buffer.Rebase(lostupdate.BaseOf(s), lostupdate.BaseOf(&got))
		}
	}
	f.applyOwn(ownChange{at: overlay.Name{Dir: dir, Name: name}, got: &got})
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

// Setxattr of a directory changes nothing: all that it has says where it is.
func (d *dir) Setxattr(_ context.Context, attr string, _ []byte, flags uint32) syscall.Errno {
	return d.describe(attr, flags)
}

func (d *dir) Removexattr(_ context.Context, attr string) syscall.Errno {
	return d.describe(attr, xattr.Replace)
}

func (d *dir) describe(attr string, flags uint32) syscall.Errno {
	note, errno := xattr.Settable(attr)
	if note {
		errno = d.fs.refused("setxattr", d.where().String(), attr+" is of secrets")
	}
	if errno = d.unsupported(errno); errno != 0 || flags == 0 {
		return errno
	}
	return xattr.Allows(flags, xattr.OfDir(d.where()).Has(attr))
}

// sendNotes sends what has been noted about a secret before the server had it, as
// version s, and returns the version that the server has then. The secret itself
// is there: a failure is logged and fails nothing.
func (f *FS) sendNotes(ctx context.Context, dir secret.Dir, name string, notes *xattr.Notes, s secret.Secret) secret.Secret {
	what, due := notes.Take()
	if !due {
		return s
	}
	got, err := f.annotate(ctx, dir, name, &s, what)
	if err != nil {
		f.log.Log(ctx, slog.LevelWarn, "comment and tags of a new secret were not set", "path", path.Join(dir.String(), filename.Encode(name)), "error", err)
		return s
	}
	return got
}
