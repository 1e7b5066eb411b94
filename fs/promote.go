package fs

import (
	"context"
	"errors"

	"infisicalfs/secret"
)

// promote makes a scratch file a secret, because somebody renamed it to a name
// that is none of scratch: its content is sent. This is how most editors save.
func (r *renaming) promote(ctx context.Context, snap *secret.Folder, sc *scratchFile) error {
	if r.target.folder != nil {
		return errIsDir
	}
	name, err := r.FS.newName(snap, r.newName)
	if err != nil {
		return err
	}
	dir := r.to.where()
	if back, err := r.restore(ctx, sc, dir, name); back || err != nil {
		return err
	}
	if err := r.mayCopy(ctx, sc); err != nil {
		return err
	}
	value, err := sc.leave()
	if err != nil {
		return err
	}
	var got secret.Secret
	if err = r.mayPromote(ctx, dir, name); err == nil {
		c := commit{dir: dir, name: name, value: value, base: r.baseOfScratch(ctx, sc, dir, name), who: r.callers.of(ctx)}
		got, err = r.commit(ctx, c)
	}
	if err != nil {
		sc.stay()
		r.FS.keepUnsent(ctx, dir, name, value, notWritten)
		return err
	}
	r.overlay.discard(dir, name)
	got = r.sendNotes(ctx, dir, name, &sc.notes, got)
	sc.become(&location{r.to, name}, &got)
	r.overlay.unlinkScratch(r.from.where(), r.name)
	return nil
}

// restore takes a covered secret back under its name, or under the one that it
// is renamed to on this detour: its value, which may show references expanded,
// is not sent. It reports whether that was the case.
func (r *renaming) restore(ctx context.Context, sc *scratchFile, dir secret.Dir, name string) (bool, error) {
	w := sc.holds
	if w == nil || sc.wasTouched() || r.overlay.whiteout(r.from.where(), w.name) != w {
		return false, nil
	}
	if r.from != r.to || r.overlay.beingWritten(dir, w.name) || r.target.secret != nil && w.name != name {
		return false, nil
	}
	if w.name != name {
		if _, err := r.cfg.Writer.Rename(ctx, dir, w.name, name); err != nil {
			return true, err
		}
		r.writes.sent.Add(1)
	}
	r.overlay.lift(w)
	sc.become(&location{r.to, name}, nil)
	r.overlay.unlinkScratch(r.from.where(), r.name)
	return true, nil
}

// mayCopy refuses to send a secret's value as it was shown, if it is another as
// it is stored: a rename by way of a scratch name shall not put an end to
// references.
func (r *renaming) mayCopy(ctx context.Context, sc *scratchFile) error {
	if sc.holds == nil || sc.wasTouched() || r.cfg.Raw || r.cfg.Overwrite {
		return nil
	}
	_, err := r.stored(ctx, sc.dir, sc.holds.name)
	if errors.Is(err, errReference) {
		return err
	}
	return nil
}

// mayPromote says why the secret of that name may not be written.
func (r *renaming) mayPromote(ctx context.Context, dir secret.Dir, name string) error {
	if r.cfg.PersonalReadOnly {
		return errPersonal
	}
	s := r.target.secret
	if s == nil || s.Import != nil {
		return r.denials.check(dir, mayCreate)
	}
	if err := r.writable(s); err != nil {
		return err
	}
	if err := r.denials.check(dir, mayChange); err != nil {
		return err
	}
	if r.cfg.Raw || r.cfg.Overwrite {
		return nil
	}
	_, err := r.stored(ctx, dir, name)
	return err
}

// baseOfScratch is what the content is based on: the version that the caller
// has seen, or else the one that was there when the file was created.
func (r *renaming) baseOfScratch(ctx context.Context, sc *scratchFile, dir secret.Dir, name string) base {
	if r.overlay.wasUnlinked(dir, name) && r.target.secret == nil {
		return base{}
	}
	if known, ok := r.bases.of(r.callers.of(ctx), dir, name); ok {
		return known
	}
	if w := r.overlay.whiteout(dir, name); w != nil {
		return w.base
	}
	if dir == sc.dir {
		return sc.basis[name]
	}
	if s := r.target.secret; s != nil {
		return baseOf(s)
	}
	return base{}
}

// leave returns the content of a file that is going to be a secret. What is
// written from now on belongs to that.
func (sc *scratchFile) leave() (secret.Value, error) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	switch {
	case len(sc.text.b) > maxValue:
		return secret.Value{}, secret.ErrTooLarge
	case !sc.text.valid():
		return secret.Value{}, errBinary
	}
	sc.leaving = true
	return sc.text.value(), nil
}

// stay is the opposite.
func (sc *scratchFile) stay() {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	sc.leaving = false
}

// become says that the file is a secret from now on. What is got is nil if its
// version is not known.
func (sc *scratchFile) become(at *location, got *secret.Secret) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	sc.leaving = true
	if got != nil {
		sc.sent = baseOf(got)
	}
	sc.place.Store(at)
}

func (sc *scratchFile) wasTouched() bool {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	return sc.touched
}
