package fs

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/fs/internal/writeback"
	"infisicalfs/secret"
)

// waitingText is something of the overlay that is lost if the mount ends now.
type waitingText struct {
	at    named // by file name
	file  *scratchFile
	cover *whiteout // of a secret whose rename was not carried out yet, else nil
	draft bool      // of an editor's emergency or swap file
	spare bool      // of a file that was left empty by its maker; else of a doubtful file
	size  int
	uid   uint32
	since time.Time
}

// waiting returns what of the overlay would be lost, by place: texts that may
// become secrets, renames that were not carried out, and what editors keep of
// what was typed.
func (o *overlay) waiting() (list []waitingText) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, part := range o.folders {
		for _, sc := range part.scratch {
			t := waitingText{at: sc.at, file: sc, draft: sc.draft, spare: sc.spared, size: sc.size, uid: sc.caller.Uid, since: sc.closed}
			switch {
			case sc.holds.pending():
				t.cover = sc.holds
			case sc.size == 0 || sc.class != doubtful && !sc.draft && !sc.spared:
				continue
			}
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b waitingText) int {
		return cmp.Or(cmp.Compare(a.at.dir.String(), b.at.dir.String()), cmp.Compare(a.at.name, b.at.name))
	})
	return list
}

// dropOverlay ends what is here of the folders that gone says, and keeps the texts
// that exist nowhere else: somebody has written them, whatever has become of the
// folder.
func (f *FS) dropOverlay(gone func(secret.Dir) bool, keep func(sc *scratchFile, at named)) {
	for _, t := range f.overlay.waiting() {
		if t.cover == nil && gone(t.at.dir) {
			keep(t.file, t.at)
		}
	}
	f.overlay.drop(gone)
}

// keepFile puts the text of a scratch file into rejected/, as one that exists
// nowhere else.
func (f *FS) keepFile(sc *scratchFile, at named, why string) {
	ctx, text := sc.kept()
	f.keepUnsent(ctx, at.dir, keyOf(at.name), text, why)
}

// keepOldFile is keepFile for a part, and for what its owner has removed.
func (f *FS) keepOldFile(sc *scratchFile, at named, why string) {
	ctx, text := sc.kept()
	f.keep(ctx, at.dir, keyOf(at.name), text, why)
}

// kept returns the text, and on whose behalf it is kept.
func (sc *scratchFile) kept() (context.Context, secret.Value) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	return fuse.NewContext(context.Background(), &sc.caller), sc.text.Value()
}

// keyOf returns the name that the server would have for a file name, or that
// itself if there is none.
func keyOf(shown string) string {
	if name, ok := filename.Decode(shown); ok {
		return name
	}
	return shown
}

// sendOverlay sends what of the overlay waits for its time, now: doubtful files
// that nobody has open, and renames to the names of backups. It reports whether
// it is worth trying again.
func (f *FS) sendOverlay(ctx context.Context) (again bool) {
	for _, t := range f.overlay.waiting() {
		if ctx.Err() != nil {
			return true
		}
		switch {
		case t.cover != nil:
			err := f.carryRenameOut(ctx, t.cover)
			again = again || err != nil && mayWorkLater(err)
		case !t.draft && !t.spare:
			again = !f.endDoubt(ctx, t.file) || again
		}
	}
	return again
}

// endDoubt decides a doubtful file's fate without waiting for its maker. It
// reports false if that was not possible: somebody has it open, or there is an
// outage.
func (f *FS) endDoubt(ctx context.Context, sc *scratchFile) bool {
	s := sc.signs()
	switch {
	case !s.linked:
		return true
	case s.part(f.cfg.ScratchFor):
		return f.sendDoubtful(ctx, sc, writeback.ErrKilled)
	}
	return f.sendDoubtful(ctx, sc, nil)
}
