package fs

import (
	"context"
	"errors"
	"syscall"

	"infisicalfs/fs/internal/commit"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/secret"
)

// Unlink removes a scratch file or deletes a secret, whose last value is kept.
func (d *dir) Unlink(ctx context.Context, name string) syscall.Errno {
	if p := d.fs.eventOf(ctx); p != nil {
		return p.remove(d, name, false)
	}
	if d.fs.cfg.Writer == nil {
		return syscall.EROFS
	}
	if sc := d.fs.overlay.Find(d.where(), name); sc != nil && d.fs.overlay.StaysHere(sc) {
		d.fs.overlay.Unlink(d.where(), name)
		return 0
	}
	ctx, stop := d.fs.killable(ctx)
	defer stop()
	if err := d.unlink(ctx, name); err != nil {
		return d.fs.failed("unlink", d.pathOf(name), err)
	}
	return 0
}

func (d *dir) unlink(ctx context.Context, shown string) error {
	f, dir := d.fs, d.where()
	leave, err := f.folderQueue.Enter(ctx, dir)
	if err != nil {
		return err
	}
	defer leave()
	if sc := f.overlay.Find(dir, shown); sc != nil {
		if w := f.overlay.Covering(sc); w != nil && !f.drafts.writeAnew(w, dir) {
			return d.unlinkCovered(ctx, w)
		}
		f.overlay.Unlink(dir, shown)
		return nil
	}
	snap, e, err := d.entry(ctx, shown)
	if err != nil {
		return err
	}
	if e.Secret == nil {
		if d.view(shown) != nil {
			return errViewName
		}
		// Not on the server yet, and not going to be.
		name, err := filename.Key(snap, shown)
		covered := f.overlay.Whiteout(dir, name) != nil && f.drafts.beingWritten(dir, name)
		if err != nil || !covered && !f.drafts.beingCreated(dir, name) {
			return secret.ErrNotFound
		}
		f.drafts.discard(dir, name)
		return nil
	}
	return d.deleteSecret(ctx, e.Secret)
}

// unlinkCovered deletes the secret that was renamed to a backup's name: the
// rename is not carried out any more, because this is what comes of both.
func (d *dir) unlinkCovered(ctx context.Context, w *overlay.Whiteout) error {
	f := d.fs
	at := f.overlay.Where(w.File)
	snap, err := f.folder(ctx, at.Dir, secret.NeedEntry)
	if err != nil {
		return err
	}
	if s, ok := snap.Secret(w.Name); ok {
		if err := d.deleteSecret(ctx, &s); err != nil && !errors.Is(err, secret.ErrNotFound) {
			return err
		}
	}
	f.overlay.Lift(w)
	f.overlay.Unlink(at.Dir, at.Name)
	return nil
}

// deleteSecret deletes a secret of the folder and keeps its last value. The
// caller has the folder's turn.
func (d *dir) deleteSecret(ctx context.Context, s *secret.Secret) error {
	f, dir := d.fs, d.where()
	last, err := d.removable(ctx, s)
	if err != nil {
		return err
	}
	if err := f.cfg.Writer.Delete(ctx, dir, s.Name); err != nil {
		if commit.MayHaveHappened(err) {
			f.keep(ctx, dir, s.Name, last.Value, "its secret may have been removed")
		}
		return err
	}
	f.applyOwn(ownChange{left: overlay.Name{Dir: dir, Name: s.Name}})
	f.keep(ctx, dir, s.Name, last.Value, "its secret was removed")
	return nil
}

// entry returns what the directory has under a file name: not what is covered.
// Of a folder it is an error.
func (d *dir) entry(ctx context.Context, shown string) (*secret.Folder, filename.Entry, error) {
	snap, e, ok, err := d.fs.entry(ctx, d.where(), shown)
	switch {
	case err != nil:
		return nil, filename.Entry{}, err
	case !ok:
		return snap, filename.Entry{}, nil
	case e.Folder != nil:
		return nil, filename.Entry{}, errIsDir
	case d.fs.overlay.Whiteout(d.where(), e.Secret.Name) != nil:
		return snap, filename.Entry{}, nil
	}
	return snap, e, nil
}

// removable returns a secret as it is stored, or why it may not leave its name.
func (d *dir) removable(ctx context.Context, s *secret.Secret) (secret.Secret, error) {
	if err := d.fs.committer.Writable(s); err != nil {
		return *s, err
	}
	if s.Import != nil {
		return *s, commit.ErrImported
	}
	stored, err := d.fs.cfg.Writer.Stored(ctx, d.where(), s.Name)
	if err == nil && stored.Rotated {
		err = commit.ErrRotated
	}
	return stored, err
}
