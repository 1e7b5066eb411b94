package fs

import (
	"context"
	"path"
	"syscall"
	"time"

	"infisicalfs/secret"
)

// whiteoutLasts is how long a secret may be away.
const whiteoutLasts = time.Minute

// whiteout covers a secret that was renamed to a scratch name: editors do so
// before they write the new version, with the old as their backup. Nothing
// happens on the server. Creating the name again is an update of the secret; if
// nobody does so the secret is back after a minute.
type whiteout struct {
	base base   // of who renamed it
	name string // the secret's
	back *time.Timer
}

// cover hides a secret, until back is called after the whiteout's time. It may
// not be hidden already.
func (o *overlay) cover(dir secret.Dir, name string, base base, back func(*whiteout)) *whiteout {
	w := &whiteout{base: base, name: name}
	o.change(dir, func(part *overlayFolder) {
		part.whiteouts[name] = w
		w.back = time.AfterFunc(whiteoutLasts, func() { back(w) })
	})
	return w
}

// whiteOut gives a secret a scratch name. The file under it has the value as it
// was shown, whatever becomes of the secret.
func (r *renaming) whiteOut(ctx context.Context, snap *secret.Folder, s *secret.Secret) error {
	switch {
	case r.from != r.to:
		return errOtherProject
	case s.Hidden:
		return hidden(s)
	}
	if err := r.writable(s); err != nil {
		return err
	}
	dir := snap.Dir
	seen, ok := r.bases.of(r.callers.of(ctx), dir, s.Name)
	if !ok {
		seen = baseOf(s)
	}
	sc := r.newScratch(snap, r.cfg.FileMode)
	n, known := operations(r.from.GetChild(r.name)).(*file)
	if known {
		sc.id = n.StableAttr() // the kernel takes the secret's node for the file from now on
	}
	if !r.fill(sc, s) || !r.overlay.nameScratch(sc, dir, r.newName) {
		return errScratchFull
	}
	sc.holds = r.overlay.cover(dir, s.Name, seen, r.back)
	if known {
		n.at.Store(&location{r.from, s.Name})
		n.scratch.Store(sc)
		r.reborn.left(childID(r.from.StableAttr(), syscall.S_IFREG, s.Name))
	}
	return nil
}

// fill makes the value of s the content of a new scratch file, with its date.
func (f *FS) fill(sc *scratchFile, s *secret.Secret) bool {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	if sc.resize(s.Value.Len()) != 0 {
		return false
	}
	s.Value.CopyAt(sc.text.b, 0)
	f.setDate(s.Updated, &sc.attr)
	return true
}

// back ends a whiteout after its time.
func (f *FS) back(w *whiteout) {
	dir, ok := f.overlay.lift(w)
	if !ok {
		return
	}
	f.log.Warn("secret is back: it was renamed to the name of a temporary file, and nobody wrote it anew",
		"path", path.Join(dir.String(), EncodeName(w.name)))
	f.reveal(dir, w.name)
}

// lift ends a whiteout and returns its folder, if it was not over.
func (o *overlay) lift(w *whiteout) (dir secret.Dir, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for dir, part := range o.folders {
		if part.whiteouts[w.name] == w {
			delete(part.whiteouts, w.name)
			if part.empty() {
				delete(o.folders, dir)
			}
			w.back.Stop()
			return dir, true
		}
	}
	return dir, false
}

// uncover ends the whiteout of that secret, if there is one.
func (o *overlay) uncover(dir secret.Dir, name string) {
	if w := o.whiteout(dir, name); w != nil {
		o.lift(w)
	}
}

func (o *overlay) whiteout(dir secret.Dir, name string) (w *whiteout) {
	o.look(dir, func(part *overlayFolder) { w = part.whiteouts[name] })
	return w
}

// whiteouts returns the names of all that is covered in dir.
func (o *overlay) whiteouts(dir secret.Dir) (names map[string]bool) {
	o.look(dir, func(part *overlayFolder) {
		names = make(map[string]bool, len(part.whiteouts))
		for name := range part.whiteouts {
			names[name] = true
		}
	})
	return names
}
