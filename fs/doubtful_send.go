package fs

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"infisicalfs/fs/internal/commit"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/fs/internal/writeback"
	"infisicalfs/secret"
)

// sendLasts bounds one attempt to send what nobody waits for.
const sendLasts = 2 * time.Minute

// sendDoubtful makes a doubtful file the secret of its name, as one that must
// not exist, unless somebody has it open; why is not nil if it must not be one.
// It reports whether the file's fate is decided: it is a secret, or in
// rejected/. Who opens, renames or unlinks it meanwhile waits.
func (f *FS) sendDoubtful(ctx context.Context, sc *overlay.File, why error) bool {
	ctx, stop := context.WithTimeout(onBehalfOf(ctx, sc.Caller()), sendLasts)
	defer stop()
	at := f.overlay.Where(sc)
	leave, err := f.folderQueue.Enter(ctx, at.Dir)
	if err != nil {
		return false
	}
	defer leave()
	if !f.overlay.StartSending(sc) {
		return false // and whoever has come in between says so
	}
	defer f.overlay.StopSending(sc)
	if now := f.overlay.Where(sc); now != at || !f.overlay.IsDoubtful(sc) {
		return false
	}
	if why != nil {
		f.writes.killed.Add(1)
		f.rejectDoubtful(sc, why)
		return true
	}
	got, name, value, err := f.createFrom(ctx, sc, at)
	switch {
	case err != nil && mayWorkLater(err):
		f.failed("send", path.Join(at.Dir.String(), at.Name), err)
		return false
	case err != nil:
		f.rejectDoubtful(sc, err)
		return true
	}
	f.applyOwn(ownChange{at: overlay.Name{Dir: at.Dir, Name: name}, got: &got, became: sc, uncounted: true})
	f.rejected.Stored(at.Dir, name, value)
	f.sendNotes(ctx, at.Dir, name, &dataOf(sc).notes, got)
	return true
}

// createFrom creates the secret that the file becomes, with value, or says why
// there will be none.
func (f *FS) createFrom(ctx context.Context, sc *overlay.File, at overlay.Name) (got secret.Secret, name string, value secret.Value, err error) {
	if f.cfg.PersonalReadOnly {
		return got, "", value, commit.ErrPersonal
	}
	snap, err := f.folder(ctx, at.Dir, secret.NeedEntry)
	if err != nil {
		return got, "", value, err
	}
	if name, err = f.newName(snap, at.Name); err != nil {
		return got, "", value, err
	}
	if err = f.denials.Check(at.Dir, commit.MayCreate); err == nil {
		err = f.denials.Approval(at.Dir)
	}
	if err != nil {
		return got, name, value, err
	}
	if value, err = leave(sc); err != nil {
		return got, name, value, err
	}
	if err = f.isCopy(ctx, snap, value); err == nil {
		got, err = f.create(ctx, commit.Change{Dir: at.Dir, Name: name, Value: value})
		if dataOf(sc).tried && errors.Is(err, secret.ErrExists) { // perhaps by the attempt before
			stored, storedErr := f.cfg.Writer.Stored(ctx, at.Dir, name)
			if storedErr == nil && (commit.Attempt{Value: value, Is: true}).Made(&stored) {
				got, err = stored, nil
			}
		}
		dataOf(sc).tried = dataOf(sc).tried || commit.MayHaveHappened(err)
	}
	if err != nil {
		stay(sc)
	}
	return got, name, value, err
}

// errCopy wraps [secret.ErrProtected].
var errCopy = fmt.Errorf("%w: it has the text that a secret with references is shown with, and would end them", secret.ErrProtected)

// isCopy says that a text is what a secret of the folder is shown with, if that
// is stored with references: a copy of it would be passwords that nobody
// changes with the others.
func (f *FS) isCopy(ctx context.Context, snap *secret.Folder, value secret.Value) error {
	if f.cfg.Raw || f.cfg.Overwrite || value.Len() == 0 {
		return nil
	}
	for i := range snap.Secrets {
		s := &snap.Secrets[i]
		if s.Import != nil || s.Hidden || !s.Value.Equal(value) {
			continue
		}
		stored, err := f.cfg.Writer.Stored(ctx, snap.Dir, s.Name)
		switch {
		case errors.Is(err, secret.ErrNotFound):
		case err != nil:
			return err
		case commit.Refers(stored.Value):
			return errCopy
		}
	}
	return nil
}

// rejectDoubtful keeps the text of a file that is not going to be a secret.
func (f *FS) rejectDoubtful(sc *overlay.File, why error) {
	at := f.overlay.Where(sc)
	switch {
	case why == writeback.ErrKilled && f.overlay.Broken(sc):
		f.keepOldFile(sc, at, why.Error())
	case why == writeback.ErrKilled: // it was closed before, and may be whole
		f.keepFile(sc, at, why.Error())
	default:
		f.log.Error("a new file could not become a secret", "path", path.Join(at.Dir.String(), at.Name), "error", why)
		ctx, text := onBehalf(sc)
		f.keepRefused(ctx, at.Dir, keyOf(at.Name), text, why)
	}
	f.overlay.Unlink(at.Dir, at.Name)
	f.reveal(at.Dir, keyOf(at.Name))
}
