package fs

import (
	"cmp"
	"context"
	"slices"
	"time"

	"infisicalfs/fs/internal/procend"
)

// waitingText is something of the overlay that is lost if the mount ends now.
type waitingText struct {
	at    named // by file name
	file  *scratchFile
	cover *whiteout // of a secret whose rename was not carried out yet, else nil
	draft bool      // of an editor's emergency or swap file, else of a doubtful file
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
			t := waitingText{at: sc.at, file: sc, draft: sc.draft, size: sc.size, uid: sc.caller.Uid, since: sc.closed}
			switch {
			case sc.holds.pending():
				t.cover = sc.holds
			case sc.size == 0 || sc.class != doubtful && !sc.draft:
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
		case !t.draft:
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
	case s.how == procend.Killed:
		return f.sendDoubtful(ctx, sc, errKilled)
	}
	return f.sendDoubtful(ctx, sc, nil)
}
