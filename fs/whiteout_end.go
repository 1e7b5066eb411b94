package fs

import (
	"context"
	"errors"
	"path"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/secret"
)

const (
	// whiteoutLasts is how long a program may take to write a secret anew that it
	// has put aside.
	whiteoutLasts = time.Minute
	// afterTheMaker is how long others may take to do so when that program has
	// ended: a script's next command.
	afterTheMaker = time.Second
)

// due returns for how long the secret may still be written anew.
func (w *whiteout) due(now time.Time) time.Duration {
	end := w.began.Add(whiteoutLasts)
	if w.maker.Ended() {
		if soon := w.maker.At.Add(afterTheMaker); soon.Before(end) {
			end = soon
		}
	}
	return end.Sub(now)
}

// followWhiteout carries the rename out when nobody is going to write the old
// name.
func (f *FS) followWhiteout(w *whiteout) {
	defer f.makers.Release(w.maker)
	pause := firstPause
	ended := w.maker.Over
	for {
		wait := w.due(time.Now())
		if wait <= 0 {
			switch err := f.carryRenameOut(f.life, w); {
			case err == nil:
				return
			case errors.Is(err, errOpen):
				wait = afterTheMaker
			case mayWorkLater(err):
				wait, pause = pause, longer(pause)
			default:
				return
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-w.over:
			timer.Stop()
			return
		case <-f.life.Done():
			timer.Stop()
			return
		case <-ended:
			ended = nil
		case <-timer.C:
		}
		timer.Stop()
	}
}

// giveWay ends a backup that a program has left here if the server has a secret
// of its name by now: that is somebody else's, and what is to be shown. The text
// is an old value. It asks the Source for names that people use only.
func (d *dir) giveWay(ctx context.Context, shown string) {
	f := d.fs
	sc := f.overlay.scratch(d.where(), shown)
	if sc == nil || !f.overlay.leftBehind(sc) || f.names.Face(shown, noSiblings) {
		return
	}
	if _, e, ok, err := f.entry(ctx, d.where(), shown); err != nil || !ok || e.Secret == nil {
		return
	}
	f.keepOldFile(sc, f.overlay.where(sc), "a program has left it as a backup, and somebody else has made a secret of its name")
	f.overlay.unlinkScratch(d.where(), shown)
}

// carryRenameOut is realize in the folder's turn, unless the secret is being
// written: that is errOpen.
func (f *FS) carryRenameOut(ctx context.Context, w *whiteout) error {
	ctx, stop := context.WithTimeout(fuse.NewContext(ctx, &w.file.caller), sendLasts)
	defer stop()
	at, _, pending := f.overlay.backup(w)
	if !pending {
		return nil
	}
	leave, err := f.folderQueue.Enter(ctx, at.dir)
	if err != nil {
		return err
	}
	defer leave()
	if f.overlay.writtenUnder(w, at.dir) {
		return errOpen
	}
	return f.realize(ctx, w, at.name)
}

// carryOutBefore is realize for who has the secret of a whiteout open since
// before its rename and is about to send: what he writes belongs to the new
// name. The caller has the folder's turn.
func (f *FS) carryOutBefore(ctx context.Context, h *writeHandle) error {
	dir, name := h.file.where()
	w := f.overlay.whiteout(dir, name)
	if w == nil || h.under == w || f.overlay.writtenUnder(w, dir) {
		return nil
	}
	return f.realize(ctx, w, f.overlay.where(w.file).name)
}

// realize carries out on the server the rename that began a whiteout, to a file
// name of its folder: its file is the secret from then on. The caller has the
// folder's turn. If the server refuses for good the secret is back under its old name,
// where the server has it. During an outage everything stays as it is, and the
// error is one of mayWorkLater.
func (f *FS) realize(ctx context.Context, w *whiteout, to string) error {
	at, linked, pending := f.overlay.backup(w)
	switch {
	case !pending:
		return nil
	case !linked: // by who was to write the secret anew, and has not
		f.log.Warn("a secret was put aside to be written anew, and nobody has: it is as it was", "path", path.Join(at.dir.String(), filename.Encode(w.name)))
		if f.overlay.lift(w) {
			f.reveal(at.dir, w.name)
		}
		return nil
	}
	name, ok := filename.Decode(to)
	err := filename.ErrNone
	var got secret.Secret
	if ok {
		got, err = f.cfg.Writer.Rename(ctx, at.dir, w.name, name)
	}
	from := path.Join(at.dir.String(), filename.Encode(w.name))
	switch {
	case err == nil:
	case mayWorkLater(err):
		f.failed("rename", from, err)
		return err
	case errors.Is(err, secret.ErrNotFound):
		f.log.Warn("a secret that was renamed to the name of a backup has been deleted on the server; the backup stays here", "path", from, "backup", at.name)
		f.overlay.lift(w)
		return err
	case errors.Is(err, secret.ErrExists):
		f.log.Error("a rename to the name of a backup could not be carried out: somebody else has made a secret of that name, and this one has its old name again",
			"path", from, "backup", at.name, "error", err)
		if f.overlay.lift(w) {
			f.overlay.unlinkScratch(at.dir, at.name) // or it would be shown in the place of theirs
			f.reveal(at.dir, w.name, keyOf(at.name))
		}
		return err
	default:
		f.log.Error("a rename to the name of a backup could not be carried out: the secret has its old name again, and the backup stays here",
			"path", from, "backup", at.name, "error", err)
		if f.overlay.lift(w) {
			f.reveal(at.dir, w.name)
		}
		return err
	}
	f.writes.sent.Add(1)
	f.overlay.lift(w)
	f.bases.Rename(w.maker.Who, at.dir, w.name, name, w.base, lostupdate.BaseOf(&got))
	for _, h := range f.overlay.writers(at.dir, w.name) {
		h.buffer.Rebase(w.base, lostupdate.BaseOf(&got))
	}
	f.overlay.replace(at.dir, w.name, at.dir, name)
	f.vacate(at.dir, w.name)
	f.turnInto(w.file, at.dir, name, &got)
	return nil
}
