package fs

import (
	"context"
	"path"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/overlay"
	"infisicalfs/fs/internal/writeback"
	"infisicalfs/secret"
)

// What of the overlay would be lost if the mount ended now, and how it is sent or
// kept.

// unsentOverlay describes what of the overlay would be lost.
func (f *FS) unsentOverlay() (list []UnsentText) {
	for _, w := range f.overlay.Waiting() {
		t := UnsentText{Path: path.Join(w.At.Dir.String(), w.At.Name), Kind: UnsentWaiting, Size: w.Size, UID: w.UID, At: w.Since}
		switch {
		case w.Cover != nil:
			t.Why = filename.Encode(w.Cover.Name) + " was renamed to it, the name of a backup, and may be about to be written anew"
		case w.OnlyCopy:
			t.Kind, t.Why = UnsentEmergency, "what an editor has saved here may be nowhere else"
		case w.Spare:
			t.Why = "a program made it empty and ended, as mktemp does, and another has filled it: it stays here unless somebody renames it"
		default:
			t.Why = "its name may be a temporary file's, and whoever made it may rename it"
		}
		list = append(list, t)
	}
	return list
}

// dropOverlay ends what is here of the folders that gone says, and keeps the texts
// that exist nowhere else: somebody has written them, whatever has become of the
// folder.
func (f *FS) dropOverlay(gone func(secret.Dir) bool, keep func(sc *overlay.File, at overlay.Name)) {
	for _, t := range f.overlay.Waiting() {
		if (t.Cover == nil || wasTouched(t.File)) && gone(t.At.Dir) {
			keep(t.File, t.At)
		}
	}
	f.overlay.Drop(gone)
}

// sendOverlay sends what of the overlay waits for its time, now: doubtful files
// that nobody has open, and renames to the names of backups. It reports whether
// it is worth trying again.
func (f *FS) sendOverlay(ctx context.Context) (again bool) {
	for _, t := range f.overlay.Waiting() {
		if ctx.Err() != nil {
			return true
		}
		switch {
		case t.Cover != nil:
			err := f.carryRenameOut(ctx, t.Cover)
			again = again || err != nil && mayWorkLater(err)
		case !t.OnlyCopy && !t.Spare:
			again = !f.endDoubt(ctx, t.File) || again
		}
	}
	return again
}

// endDoubt decides a doubtful file's fate without waiting for its maker. It
// reports false if that was not possible: somebody has it open, or there is an
// outage.
func (f *FS) endDoubt(ctx context.Context, sc *overlay.File) bool {
	undecided, killed := sc.Undecided(f.cfg.ScratchFor)
	switch {
	case !undecided:
		return true
	case killed:
		return f.sendDoubtful(ctx, sc, writeback.ErrKilled)
	}
	return f.sendDoubtful(ctx, sc, nil)
}
