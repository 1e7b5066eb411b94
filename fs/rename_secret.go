package fs

import (
	"context"
	"errors"
	"fmt"

	"infisicalfs/fs/internal/commit"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/secret"
)

// renameSecret gives a secret another name, another folder, or the place of
// another secret. What is sent is the stored value, with its references.
func (r *renaming) renameSecret(ctx context.Context, s *secret.Secret, newName string) error {
	dir, to := r.from.where(), r.to.where()
	stored, err := r.from.removable(ctx, s)
	if err != nil {
		return err
	}
	if dir.Project != to.Project {
		return errOtherProject
	}
	replaced := r.target.Secret
	switch {
	case replaced != nil && replaced.Import == nil:
		err = r.replace(ctx, &stored, newName)
	case r.drafts.beingCreated(to, newName):
		err = errOpen
	case dir == to:
		var got secret.Secret
		if got, err = r.cfg.Writer.Rename(ctx, dir, s.Name, newName); err == nil {
			r.bases.Rename(r.processOf(ctx), dir, s.Name, newName, lostupdate.BaseOf(&stored), lostupdate.BaseOf(&got))
			for _, h := range r.drafts.of(dir, s.Name) {
				h.buffer.Rebase(lostupdate.BaseOf(&stored), lostupdate.BaseOf(&got))
			}
		}
	default:
		if err = r.move(ctx, &stored, newName); err == nil {
			r.arrived(ctx, &stored, newName)
		}
	}
	if err != nil {
		return err
	}
	r.applyOwn(ownChange{
		at: overlay.Name{Dir: to, Name: newName}, value: true,
		left: overlay.Name{Dir: dir, Name: s.Name},
		node: &movedNode{r.from, r.to, r.name},
	})
	return nil
}

// move takes a secret to another folder, where it may get another name: servers
// do one after the other.
func (r *renaming) move(ctx context.Context, stored *secret.Secret, newName string) error {
	w, name := r.cfg.Writer, stored.Name
	dir, to := r.from.where(), r.to.where()
	if name == newName {
		return r.moveNow(ctx, stored, dir, name, to)
	}
	first, second := func() error { return r.moveNow(ctx, stored, dir, name, to) },
		func() error { _, err := w.Rename(ctx, to, name, newName); return err }
	back, between := func() error { return w.Move(ctx, to, name, dir) }, r.to.pathOf(filename.Encode(name))
	if s, ok := r.snap.Secret(name); ok && s.Import == nil { // another is called so there
		first = func() error { _, err := w.Rename(ctx, dir, name, newName); return err }
		second = func() error { return r.moveNow(ctx, stored, dir, newName, to) }
		back = func() error { _, err := w.Rename(ctx, dir, newName, name); return err }
		between = r.from.pathOf(filename.Encode(newName))
	}
	switch err := first(); {
	case errors.Is(err, secret.ErrExists) && commit.Refers(stored.Value) && !r.cfg.Raw:
		return commit.ErrReference // programs would copy the file instead, and delete the original
	case errors.Is(err, secret.ErrExists):
		return errOtherProject
	case err != nil:
		return err
	}
	err := second()
	if err == nil {
		return nil
	}
	switch again := back(); {
	case again == nil:
		return err
	case errors.Is(again, secret.ErrNotFound):
		return fmt.Errorf("it is no longer there, and not where it was to go: %w", err)
	}
	return fmt.Errorf("it is %s now: %w", between, err)
}

// moveNow moves a secret. Its text is kept if it is gone here and does not arrive yet.
func (r *renaming) moveNow(ctx context.Context, stored *secret.Secret, dir secret.Dir, name string, to secret.Dir) error {
	err := r.cfg.Writer.Move(ctx, dir, name, to)
	r.keepHalfMoved(ctx, stored, dir, name, err)
	return err
}

// arrived lets those go on who have a secret open that was moved: it has another
// id now.
func (r *renaming) arrived(ctx context.Context, stored *secret.Secret, newName string) {
	r.bases.Forget(r.to.where(), newName)
	writers := r.drafts.of(r.from.where(), stored.Name)
	if len(writers) == 0 {
		return
	}
	if got, err := r.cfg.Writer.Stored(ctx, r.to.where(), newName); err == nil && arrivedAs(stored, &got) {
		for _, h := range writers {
			h.buffer.Rebase(lostupdate.BaseOf(stored), lostupdate.BaseOf(&got))
		}
	}
}

// arrivedAs reports whether got is what was moved, and nobody has changed it since.
// It counts from 1 again, and servers rewrite the references in a text that is
// moved: that makes a version more.
func arrivedAs(stored, got *secret.Secret) bool {
	return got.Value.Equal(stored.Value) || commit.Refers(stored.Value) && got.Version <= 2
}
