package fs

import (
	"context"
	"errors"

	"infisicalfs/fs/internal/commit"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/fs/internal/tempname"
	"infisicalfs/secret"
)

// renameScratch gives a scratch file another name. If that is a temporary's it
// is another scratch file; if it is a secret's the content is sent. It reports
// false if the file has become the secret that it covered, which then is to be
// renamed.
func (r *renaming) renameScratch(ctx context.Context, sc *overlay.File) (done bool, err error) {
	if w := r.overlay.Covering(sc); w != nil && !r.drafts.writeAnew(w, r.from.where()) {
		switch name, nameErr := r.FS.newName(r.snap, r.newName); {
		case nameErr == nil && r.from == r.to && w.Name == name: // changed his mind; it may be a backup's name too
			r.overlay.Lift(w)
			r.applyOwn(ownChange{at: overlay.Name{Dir: r.to.where(), Name: name}, became: sc, uncounted: true})
			r.overlay.Unlink(r.to.where(), r.newName) // what was only here under that name
			return true, nil
		case r.from == r.to && !r.taken() && r.names.Backup(filename.Encode(w.Name), r.newName):
			r.overlay.Move(sc, overlay.Temporary, r.to.where(), r.newName)
			return true, nil
		case nameErr != nil:
			return true, nameErr
		case r.from == r.to && !r.taken():
			if err := r.sendRename(ctx, w, r.newName); err != nil {
				return true, err
			}
			r.overlay.Unlink(r.to.where(), r.newName)
			return true, nil
		default:
			err := r.sendRename(ctx, w, r.name)
			return err != nil, err
		}
	}
	stays, as := tempname.Shredded(r.newName) || r.names.Temporary(r.newName, r.siblings(r.snap)), overlay.Temporary
	if old := r.overlay.Find(r.to.where(), r.newName); old != nil && !r.overlay.LeftBehind(old) {
		// It takes the place of a file of which it was decided what it is, or is not
		// yet: sed -i on a script's temporary.
		if stays = true; r.overlay.IsDoubtful(old) {
			r.doubtAs(sc, old)
			as = overlay.Doubtful
		}
	}
	if stays && !r.taken() {
		r.overlay.Move(sc, as, r.to.where(), r.newName)
		return true, nil
	}
	return true, r.promote(ctx, r.snap, sc)
}

// promote makes a scratch file a secret, because somebody renamed it to a name
// that is none of scratch: its content is sent. This is how most editors save.
func (r *renaming) promote(ctx context.Context, snap *secret.Folder, sc *overlay.File) error {
	if r.target.Folder != nil {
		return errIsDir
	}
	name, err := r.FS.newName(snap, r.newName)
	if err != nil {
		return err
	}
	if !r.overlay.Hold(sc) {
		return secret.ErrNotFound // it had to go for others a moment ago
	}
	defer r.overlay.Leave(sc)
	dir := r.to.where()
	if err := r.mayCopy(ctx, sc); err != nil {
		return err
	}
	value, err := leave(sc)
	if err != nil {
		return err
	}
	var got secret.Secret
	if err = r.mayPromote(ctx, dir, name); err == nil {
		c := commit.Change{Dir: dir, Name: name, Value: value, Base: r.baseOfScratch(ctx, sc, dir, name), Who: r.processOf(ctx)}
		got, err = r.commit(ctx, c)
	}
	if err != nil {
		stay(sc)
		r.FS.keepRefused(ctx, dir, name, value, err)
		return err
	}
	r.drafts.discard(dir, name)
	got = r.sendNotes(ctx, dir, name, &dataOf(sc).notes, got)
	become(sc, &location{r.to, name}, &got)
	r.overlay.Unlink(r.at, r.name)
	r.overlay.Unlink(dir, r.newName)
	return nil
}

// mayCopy refuses to send a secret's value as it was shown, if it is another as
// it is stored: a rename by way of a scratch name shall not put an end to
// references.
func (r *renaming) mayCopy(ctx context.Context, sc *overlay.File) error {
	of := r.overlay.CopyOf(sc)
	if of == "" || wasTouched(sc) || r.cfg.Raw || r.cfg.Overwrite {
		return nil
	}
	_, err := r.committer.Stored(ctx, sc.Dir(), of)
	if errors.Is(err, commit.ErrReference) {
		return err
	}
	return nil
}

// mayPromote says why the secret of that name may not be written.
func (r *renaming) mayPromote(ctx context.Context, dir secret.Dir, name string) error {
	if r.cfg.PersonalReadOnly {
		return commit.ErrPersonal
	}
	s := r.target.Secret
	if s == nil || s.Import != nil {
		return r.denials.Check(dir, commit.MayCreate)
	}
	if err := r.committer.Writable(s); err != nil {
		return err
	}
	if err := r.denials.Check(dir, commit.MayChange); err != nil {
		return err
	}
	if r.cfg.Raw || r.cfg.Overwrite {
		return nil
	}
	_, err := r.committer.Stored(ctx, dir, name)
	return err
}

// baseOfScratch is what the content is based on: the version that the caller
// has seen, or else the one that was there when the file was created.
func (r *renaming) baseOfScratch(ctx context.Context, sc *overlay.File, dir secret.Dir, name string) lostupdate.Base {
	if r.target.Secret == nil && r.overlay.WasUnlinked(dir, name) {
		return lostupdate.Base{}
	}
	if known, ok := r.bases.LastRead(r.processOf(ctx), dir, name); ok {
		return known // since it was removed here, if it was
	}
	if r.target.Secret == nil && r.overlay.UnlinkedSince(sc, dir, name) {
		return lostupdate.Base{}
	}
	if w := r.overlay.Whiteout(dir, name); w != nil {
		return w.Base
	}
	if dir == sc.Dir() {
		return sc.BaseOf(name)
	}
	if s := r.target.Secret; s != nil {
		return lostupdate.BaseOf(s)
	}
	return lostupdate.Base{}
}
