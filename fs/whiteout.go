package fs

import (
	"context"
	"syscall"
	"time"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/inode"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/procend"
	"infisicalfs/secret"
)

// whiteout covers a secret that was renamed to the name of a backup. Editors do
// so before they write the new version; people do so to rename it. Nobody can
// tell them apart at that moment, so nothing happens on the server yet:
//
//   - whoever renamed it writes the old name: that is an update of the secret,
//     with its id and history, and the backup is a scratch file;
//   - he ends without doing so, or a minute passes: the rename that he was told
//     of is carried out on the server, see whiteout_end.go;
//   - the backup is unlinked: the secret is deleted on the server.
type whiteout struct {
	name string          // the secret's
	base lostupdate.Base // of who renamed it
	file *scratchFile    // has the value as it was shown

	maker  *procend.Lifetime // of who renamed it
	parent caller.Process    // his parent, usually a shell
	began  time.Time
	over   chan struct{} // closed when the whiteout has ended

	ended bool // guarded by [overlay.mu]
}

// pending reports whether w is a whiteout that has not ended. [overlay.mu] is held.
func (w *whiteout) pending() bool { return w != nil && !w.ended }

// cover hides a secret of dir, which may not be hidden already. It reports false
// if the file that has its value is gone.
func (o *overlay) cover(dir secret.Dir, w *whiteout) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !w.file.linked {
		return false
	}
	o.part(dir).whiteouts[w.name] = w
	w.file.holds = w
	return true
}

// end ends a whiteout that has not ended. [overlay.mu] is held.
func (o *overlay) end(w *whiteout) {
	for dir, part := range o.folders {
		if part.whiteouts[w.name] == w {
			delete(part.whiteouts, w.name)
			o.tidy(dir)
		}
	}
	w.ended = true
	close(w.over)
}

// lift ends a whiteout and reports whether it was not over.
func (o *overlay) lift(w *whiteout) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if w.ended {
		return false
	}
	o.end(w)
	return true
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

// covering returns the whiteout whose secret is away under the file's name, nil
// if there is none.
func (o *overlay) covering(sc *scratchFile) *whiteout {
	o.mu.Lock()
	defer o.mu.Unlock()
	if sc.holds.pending() {
		return sc.holds
	}
	return nil
}

// copyOf returns the name of the secret whose value the file was made with, ""
// if there is none.
func (o *overlay) copyOf(sc *scratchFile) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if sc.holds == nil {
		return ""
	}
	return sc.holds.name
}

// backup returns where the file of a whiteout is, or was if it has been unlinked
// since, and whether the whiteout has not ended.
func (o *overlay) backup(w *whiteout) (at named, linked, pending bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return w.file.at, w.file.linked, !w.ended
}

// whiteOut gives a secret the name of a backup. The file under it has the value
// as it was shown, whatever becomes of the secret. It reports false for a secret
// that cannot be covered, because its value is not known or finds no room, or an
// import gives it: whoever renames that is told at once what becomes of it.
func (r *renaming) whiteOut(ctx context.Context, snap *secret.Folder, s *secret.Secret) (covered bool, err error) {
	if s.Hidden || s.Import != nil {
		return false, nil
	}
	if err := r.committer.Writable(s); err != nil {
		return false, err
	}
	dir, who := snap.Dir, r.processOf(ctx)
	seen, ok := r.bases.LastRead(who, dir, s.Name)
	if !ok {
		seen = lostupdate.BaseOf(s)
	}
	sc := r.newScratch(ctx, snap, face, r.cfg.FileMode)
	sc.attr.Uid = r.cfg.UID // as the secret was shown
	n, known := operations(r.from.GetChild(r.name)).(*file)
	if known {
		sc.id = n.StableAttr() // the kernel takes the secret's node for the file from now on
	}
	if !r.fill(sc, s) || !r.overlay.nameScratch(sc, dir, r.newName) {
		return false, nil
	}
	w := &whiteout{
		name: s.Name, base: seen, file: sc, maker: r.makers.Of(who), parent: who.Parent(),
		began: time.Now(), over: make(chan struct{}),
	}
	if !r.overlay.cover(dir, w) {
		r.makers.Release(w.maker)
		return false, nil
	}
	if known {
		n.at.Store(&location{r.from, s.Name})
		n.scratch.Store(sc)
		r.renames.Left(inode.Child(r.from.StableAttr(), syscall.S_IFREG, s.Name))
	}
	r.background(func() { r.followWhiteout(w) })
	return true, nil
}

// fill makes the value of s the content of a new scratch file, with its date.
func (f *FS) fill(sc *scratchFile, s *secret.Secret) bool {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	if sc.resize(s.Value.Len()) != 0 {
		return false
	}
	sc.text.Set(s.Value)
	f.setDate(s.Updated, &sc.attr)
	return true
}

// mayWrite reports whether a write of the old name by who is what the secret was
// put aside for: by the same process, its parent or a child of that, as in
// `mv KEY KEY.old; cp new KEY`. Of whom nothing is known it is assumed.
func (w *whiteout) mayWrite(who caller.Process) bool {
	if !w.maker.Who.Other(who) || !w.parent.Other(who) {
		return true
	}
	parent := who.Parent()
	return parent == w.parent && parent.PID > 1
}
