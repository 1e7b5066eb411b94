package fs

import (
	"context"
	"errors"
	"fmt"

	"infisicalfs/fs/internal/commit"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/secret"
)

// replace puts a secret in the place of another: that is an update of the
// latter, which keeps its id, and then the former is deleted. No server does
// both at once.
func (r *renaming) replace(ctx context.Context, stored *secret.Secret, newName string) error {
	dir, to := r.from.where(), r.to.where()
	if err := r.committer.Writable(r.target.Secret); err != nil {
		return err
	}
	old, err := r.cfg.Writer.Stored(ctx, to, newName)
	switch {
	case errors.Is(err, secret.ErrNotFound):
		return commit.ErrGone
	case err != nil:
		return err
	case old.Rotated:
		return commit.ErrRotated
	case !r.cfg.Overwrite && !r.seen(ctx, to, r.target.Secret, &old):
		return secret.ErrConflict
	}
	if !old.Value.Equal(stored.Value) {
		got, err := r.cfg.Writer.Update(ctx, to, newName, stored.Value)
		if err == nil || commit.MayHaveHappened(err) {
			r.FS.keep(ctx, to, newName, old.Value, "it was replaced by a rename")
		}
		if err != nil {
			return err
		}
		r.bases.NoteWrite(r.processOf(ctx), to, newName, &got)
		r.applyOwn(ownChange{at: overlay.Name{Dir: to, Name: newName}, got: &got, uncounted: true})
	}
	now, err := r.cfg.Writer.Stored(ctx, to, newName)
	if err == nil && !now.Value.Equal(stored.Value) {
		err = secret.ErrConflict
	}
	if err == nil {
		err = r.remove(ctx, dir, stored)
	}
	if err != nil {
		return fmt.Errorf("%s has the value and %s is still there: %w", r.to.pathOf(r.newName), r.from.pathOf(r.name), err)
	}
	for _, h := range r.drafts.of(dir, stored.Name) { // who has it open goes along
		h.buffer.Rebase(lostupdate.BaseOf(stored), lostupdate.BaseOf(&now))
	}
	return nil
}

// remove deletes the source, unless somebody has changed it since it was read.
func (r *renaming) remove(ctx context.Context, dir secret.Dir, read *secret.Secret) error {
	now, err := r.cfg.Writer.Stored(ctx, dir, read.Name)
	if err == nil && lostupdate.BaseOf(&now) != lostupdate.BaseOf(read) {
		err = secret.ErrConflict
	}
	if err == nil {
		err = r.cfg.Writer.Delete(ctx, dir, read.Name)
	}
	return err
}

// seen reports whether the caller knew the version that he is going to replace.
func (r *renaming) seen(ctx context.Context, dir secret.Dir, shown, stored *secret.Secret) bool {
	known, ok := r.bases.LastRead(r.processOf(ctx), dir, stored.Name)
	if !ok {
		known = lostupdate.BaseOf(shown)
	}
	return known == lostupdate.BaseOf(stored)
}
