package fs

import (
	"context"
	"path"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// undecided is what of the overlay waits for its fate.
type undecided struct {
	files   []*scratchFile // doubtful, with something in them
	renames []*whiteout    // to the names of backups
}

// undecided returns what waits for its fate, and the file names of everything
// that may be the only copy of a text.
func (o *overlay) undecided() (u undecided, drafts map[*scratchFile]named) {
	drafts = make(map[*scratchFile]named)
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, part := range o.folders {
		for _, sc := range part.scratch {
			switch {
			case sc.size == 0:
			case sc.class == doubtful:
				u.files = append(u.files, sc)
				drafts[sc] = sc.at
			case sc.draft:
				drafts[sc] = sc.at
			}
		}
		for _, w := range part.whiteouts {
			u.renames = append(u.renames, w)
		}
	}
	return u, drafts
}

// waiting returns what of the overlay would be lost.
func (f *FS) waiting() (list []UnsentText) {
	u, drafts := f.overlay.undecided()
	for sc, at := range drafts {
		t := UnsentText{
			Path: path.Join(at.dir.String(), at.name), Kind: UnsentEmergency, UID: sc.caller.Uid,
			Why: "what an editor has saved here may be nowhere else",
		}
		if f.overlay.isDoubtful(sc) {
			t.Kind, t.Why = UnsentWaiting, "its name may be a temporary file's, and whoever made it may rename it"
		}
		sc.mu.Lock()
		t.Size, t.At = len(sc.text.b), sc.attr.ModTime()
		sc.mu.Unlock()
		list = append(list, t)
	}
	for _, w := range u.renames {
		if at, ok := f.overlay.backup(w); ok {
			list = append(list, UnsentText{
				Path: path.Join(at.dir.String(), EncodeName(w.name)), Kind: UnsentWaiting, UID: w.file.caller.Uid, At: w.began,
				Why: "it was renamed to " + at.name + ", the name of a backup, and may be about to be written anew",
			})
		}
	}
	return list
}

// sendWaiting decides what waits in the overlay: there is no time left in which
// a program could rename or write anything. It tries each once and reports
// whether it is worth trying again.
func (f *FS) sendWaiting(ctx context.Context) (more bool) {
	u, _ := f.overlay.undecided()
	var later atomic.Bool
	var all errgroup.Group
	all.SetLimit(sendsAtATime)
	for _, sc := range u.files {
		all.Go(func() error {
			if !f.decideNow(ctx, sc) {
				later.Store(true)
			}
			return nil
		})
	}
	for _, w := range u.renames {
		all.Go(func() error {
			if err := f.carryRenameOut(ctx, w); err == errOpen || err != nil && again(err) {
				later.Store(true)
			}
			return nil
		})
	}
	_ = all.Wait()
	return later.Load()
}

// decideNow gives a doubtful file its fate, and reports whether it has one.
func (f *FS) decideNow(ctx context.Context, sc *scratchFile) bool {
	s := sc.signs()
	switch fate, _ := decide(s, time.Now(), 0); {
	case fate == settled, fate == spared:
		return true
	case s.open:
		return false
	case fate == broken:
		return f.sendDoubtful(ctx, sc, errKilled)
	default:
		return f.sendDoubtful(ctx, sc, nil)
	}
}
