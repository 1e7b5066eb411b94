package fs

import (
	"context"
	"errors"
	"path"
	"slices"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/inode"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/secret"
)

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
	sc := r.newScratchOf(snap, kind{}, r.callerOf(ctx), fuse.Attr{ // as the secret was shown
		Mode: r.cfg.FileMode, Owner: fuse.Owner{Uid: r.cfg.UID, Gid: r.cfg.GID},
	})
	n, known := operations(r.from.GetChild(r.name)).(*file)
	if known {
		sc.SetID(n.StableAttr()) // the kernel takes the secret's node for the file from now on
	}
	if !r.fill(sc, s) || !r.overlay.Link(sc, dir, r.newName) {
		return false, nil
	}
	w := &overlay.Whiteout{Name: s.Name, Base: seen, File: sc, Maker: r.makers.Of(who), Parent: who.Parent()}
	if !r.overlay.Cover(dir, w) {
		r.makers.Release(w.Maker)
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
func (f *FS) fill(sc *overlay.File, s *secret.Secret) bool {
	c := sc.Lock()
	defer sc.Unlock()
	if c.Resize(s.Value.Len()) != 0 {
		return false
	}
	c.Text.Set(s.Value)
	f.setDate(s.Updated, &c.Attr)
	return true
}

// followWhiteout carries the rename out when nobody is going to write the old
// name.
func (f *FS) followWhiteout(w *overlay.Whiteout) {
	defer f.makers.Release(w.Maker)
	w.Follow(f.life, func(ctx context.Context) overlay.Outcome {
		switch err := f.carryRenameOut(ctx, w); {
		case errors.Is(err, errOpen):
			return overlay.Busy
		case err != nil && mayWorkLater(err):
			return overlay.Offline
		}
		return overlay.Done
	})
}

// giveWay ends a backup that a program has left here if the server has a secret
// of its name by now: that is somebody else's, and what is to be shown. The text
// is an old value. It asks the Source for names that people use only.
func (d *dir) giveWay(ctx context.Context, shown string) {
	f := d.fs
	sc := f.overlay.Find(d.where(), shown)
	if sc == nil || !f.overlay.LeftBehind(sc) || f.names.Temporary(shown, noSiblings) {
		return
	}
	_, e, ok, err := f.entry(ctx, d.where(), shown)
	if err != nil || !ok || e.Secret == nil || f.overlay.Whiteout(d.where(), e.Secret.Name) != nil {
		return // there is none, or it has left the name: the rename is not carried out yet
	}
	f.keepOldFile(sc, f.overlay.Where(sc), "a program has left it as a backup, and somebody else has made a secret of its name")
	f.overlay.Unlink(d.where(), shown)
}

// carryRenameOut is sendRename in the folder's turn, unless the secret is being
// written: that is errOpen.
func (f *FS) carryRenameOut(ctx context.Context, w *overlay.Whiteout) error {
	ctx, stop := context.WithTimeout(onBehalfOf(ctx, w.File.Caller()), sendLasts)
	defer stop()
	at, _, pending := f.overlay.Backup(w)
	if !pending {
		return nil
	}
	leave, err := f.folderQueue.Enter(ctx, at.Dir)
	if err != nil {
		return err
	}
	defer leave()
	if f.drafts.writeAnew(w, at.Dir) {
		return errOpen
	}
	return f.sendRename(ctx, w, at.Name)
}

// carryOutBeforeChange is carryRenameOut for who is about to change the new name of
// a secret, with a handle or without one: he means the secret, which the file is
// afterwards. If the secret is being written anew under the old name, or the server
// refuses the rename for good, the file is a backup still. The error is one of
// mayWorkLater: then nothing may be changed, because it would be lost when the rename
// is carried out.
func (f *FS) carryOutBeforeChange(ctx context.Context, sc *overlay.File) error {
	w := f.overlay.Covering(sc)
	if w == nil {
		return nil
	}
	if err := f.carryRenameOut(ctx, w); err != nil && mayWorkLater(err) {
		return err
	}
	return nil
}

// carryOutBefore is sendRename for who has the secret of a whiteout open since
// before its rename and is about to send: what he writes belongs to the new
// name. The caller has the folder's turn.
func (f *FS) carryOutBefore(ctx context.Context, h *writeHandle) error {
	dir, name := h.file.where()
	w := f.overlay.Whiteout(dir, name)
	if w == nil || h.under == w || f.drafts.writeAnew(w, dir) {
		return nil
	}
	return f.sendRename(ctx, w, f.overlay.Where(w.File).Name)
}

// sendRename carries out on the server the rename that began a whiteout, to a file
// name of its folder: its file is the secret from then on. The caller has the
// folder's turn. If the server refuses for good the secret is back under its old name,
// where the server has it. During an outage everything stays as it is, and the
// error is one of mayWorkLater.
func (f *FS) sendRename(ctx context.Context, w *overlay.Whiteout, to string) error {
	at, linked, pending := f.overlay.Backup(w)
	switch {
	case !pending:
		return nil
	case !linked: // by who was to write the secret anew, and has not
		f.log.Warn("a secret was put aside to be written anew, and nobody has: it is as it was", "path", path.Join(at.Dir.String(), filename.Encode(w.Name)))
		if f.overlay.Lift(w) {
			f.reveal(at.Dir, w.Name)
		}
		return nil
	}
	name, ok := filename.Decode(to)
	err := filename.ErrNone
	var got secret.Secret
	if ok {
		for _, before := range f.ahead(w, at.Dir, name) {
			if err := f.sendRename(ctx, before, f.overlay.Where(before.File).Name); err != nil && mayWorkLater(err) {
				return err
			}
		}
		got, err = f.cfg.Writer.Rename(ctx, at.Dir, w.Name, name)
	}
	if err != nil {
		f.cannotRename(w, at, err)
		return err
	}
	f.overlay.Lift(w)
	f.keepChanged(w, at)
	f.bases.Rename(w.Maker.Who, at.Dir, w.Name, name, w.Base, lostupdate.BaseOf(&got))
	for _, h := range f.drafts.of(at.Dir, w.Name) {
		h.buffer.Rebase(w.Base, lostupdate.BaseOf(&got))
	}
	f.applyOwn(ownChange{
		at: overlay.Name{Dir: at.Dir, Name: name}, got: &got, became: w.File,
		left: overlay.Name{Dir: at.Dir, Name: w.Name},
	})
	return nil
}

// ahead returns the whiteouts whose renames have to be carried out before that of w
// to the server's name, in their order: of `mv A~ B~; mv C A~` the first. There are
// none where names are exchanged, as in `mv A~ B~; mv C~ A~; mv B~ C~`: whoever is
// last is told that the name is taken.
func (f *FS) ahead(w *overlay.Whiteout, dir secret.Dir, name string) (list []*overlay.Whiteout) {
	for before := f.overlay.Whiteout(dir, name); before != nil; before = f.overlay.Whiteout(dir, name) {
		if before == w || slices.Contains(list, before) {
			return nil
		}
		list = append(list, before)
		at, linked, _ := f.overlay.Backup(before)
		shown, ok := filename.Decode(at.Name)
		if !linked || !ok {
			break
		}
		name = shown
	}
	slices.Reverse(list)
	return list
}

// keepChanged keeps what was written to a backup while its secret was being written
// anew. That has come to nothing: the secret has the backup's name and its own value,
// or somebody else's has the name.
func (f *FS) keepChanged(w *overlay.Whiteout, at overlay.Name) {
	if wasTouched(w.File) {
		f.keepFile(w.File, at, "it was written to a backup, and the backup's name is a secret's by now")
	}
}

// cannotRename tells and undoes what follows of a rename that the server has not made.
func (f *FS) cannotRename(w *overlay.Whiteout, at overlay.Name, err error) {
	from := path.Join(at.Dir.String(), filename.Encode(w.Name))
	switch {
	case mayWorkLater(err):
		f.failed("rename", from, err)
	case errors.Is(err, secret.ErrNotFound):
		f.log.Warn("a secret that was renamed to the name of a backup has been deleted on the server; the backup stays here", "path", from, "backup", at.Name)
		f.overlay.Lift(w)
	case errors.Is(err, secret.ErrExists):
		f.log.Error("a rename to the name of a backup could not be carried out: somebody else has made a secret of that name, and this one has its old name again",
			"path", from, "backup", at.Name, "error", err)
		if f.overlay.Lift(w) {
			f.keepChanged(w, at)
			f.overlay.Unlink(at.Dir, at.Name) // or it would be shown in the place of theirs
			f.reveal(at.Dir, w.Name, keyOf(at.Name))
		}
	default:
		f.log.Error("a rename to the name of a backup could not be carried out: the secret has its old name again, and the backup stays here",
			"path", from, "backup", at.Name, "error", err)
		if f.overlay.Lift(w) {
			f.reveal(at.Dir, w.Name)
		}
	}
}
