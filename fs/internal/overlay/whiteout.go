package overlay

import (
	"context"
	"time"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/procend"
	"infisicalfs/secret"
)

// Whiteout covers a secret that was renamed to the name of a backup. Editors do
// so before they write the new version; people do so to rename it. Nobody can
// tell them apart at that moment, so nothing happens on the server yet:
//
//   - whoever renamed it writes the old name: that is an update of the secret,
//     with its id and history, and the backup is a scratch file;
//   - he ends without doing so, or a minute passes: the rename that he was told
//     of is carried out on the server, see [Whiteout.Follow];
//   - the backup is unlinked: the secret is deleted on the server.
type Whiteout struct {
	Name   string            // the secret's, as the server has it
	Base   lostupdate.Base   // of who renamed it
	File   *File             // has the value as it was shown
	Maker  *procend.Lifetime // of who renamed it
	Parent caller.Process    // his parent, usually a shell
	began  time.Time         //
	over   chan struct{}     // closed when the whiteout has ended
	ended  bool              // guarded by [Overlay.mu]
}

// pending reports whether w is a whiteout that has not ended. [Overlay.mu] is held.
func (w *Whiteout) pending() bool { return w != nil && !w.ended }

// Cover begins a whiteout of a secret of dir, which may not be covered already. It
// reports false if the file that has its value is gone.
func (o *Overlay) Cover(dir secret.Dir, w *Whiteout) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !w.File.linked {
		return false
	}
	w.began, w.over = time.Now(), make(chan struct{})
	o.part(dir).whiteouts[w.Name] = w
	w.File.holds = w
	return true
}

// end ends a whiteout that has not ended. [Overlay.mu] is held.
func (o *Overlay) end(w *Whiteout) {
	for dir, part := range o.folders {
		if part.whiteouts[w.Name] == w {
			delete(part.whiteouts, w.Name)
			o.tidy(dir)
		}
	}
	w.ended = true
	close(w.over)
}

// Lift ends a whiteout and reports whether it was not over.
func (o *Overlay) Lift(w *Whiteout) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if w.ended {
		return false
	}
	o.end(w)
	return true
}

// Uncover ends the whiteout of that secret, if there is one.
func (o *Overlay) Uncover(dir secret.Dir, name string) {
	if w := o.Whiteout(dir, name); w != nil {
		o.Lift(w)
	}
}

// Whiteout returns the whiteout of that secret, nil if it is not covered.
func (o *Overlay) Whiteout(dir secret.Dir, name string) (w *Whiteout) {
	o.look(dir, func(part *folder) { w = part.whiteouts[name] })
	return w
}

// Covered returns the names of all secrets that are covered in dir.
func (o *Overlay) Covered(dir secret.Dir) (names map[string]bool) {
	o.look(dir, func(part *folder) {
		names = make(map[string]bool, len(part.whiteouts))
		for name := range part.whiteouts {
			names[name] = true
		}
	})
	return names
}

// Covering returns the whiteout whose secret is away under the file's name, nil
// if there is none.
func (o *Overlay) Covering(f *File) *Whiteout {
	o.mu.Lock()
	defer o.mu.Unlock()
	if f.holds.pending() {
		return f.holds
	}
	return nil
}

// CopyOf returns the name of the secret whose value the file was made with, ""
// if there is none.
func (o *Overlay) CopyOf(f *File) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if f.holds == nil {
		return ""
	}
	return f.holds.Name
}

// Backup returns where the file of a whiteout is, or was if it has been unlinked
// since, and whether the whiteout has not ended.
func (o *Overlay) Backup(w *Whiteout) (at Name, linked, pending bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return w.File.at, w.File.linked, !w.ended
}

// LeftBehind reports whether the file is an old version of a secret that a
// program has put aside and left here.
func (o *Overlay) LeftBehind(f *File) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return f.class == Temporary && f.holds != nil && f.holds.ended
}

// StaysHere reports whether the file has nothing to do with the server: no
// change waits for its fate.
func (o *Overlay) StaysHere(f *File) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return f.class != Doubtful && !f.holds.pending()
}

// MayWrite reports whether a write of the old name by who is what the secret was
// put aside for: by the same process, its parent or a child of that, as in
// `mv KEY KEY.old; cp new KEY`. Of whom nothing is known it is assumed.
func (w *Whiteout) MayWrite(who caller.Process) bool {
	if !w.Maker.Who.Other(who) || !w.Parent.Other(who) {
		return true
	}
	parent := who.Parent()
	return parent == w.Parent && parent.PID > 1
}

const (
	// whiteoutLasts is how long a program may take to write a secret anew that it
	// has put aside.
	whiteoutLasts = time.Minute
	// AfterTheMaker is how long others may take to do so when that program has
	// ended: a script's next command.
	AfterTheMaker = time.Second
)

// due returns for how long the secret may still be written anew.
func (w *Whiteout) due(now time.Time) time.Duration {
	end := w.began.Add(whiteoutLasts)
	if w.Maker.Ended() {
		if soon := w.Maker.At.Add(AfterTheMaker); soon.Before(end) {
			end = soon
		}
	}
	return end.Sub(now)
}

// Outcome is that of an attempt to carry out what a program was told of.
type Outcome uint8

const (
	Done    Outcome = iota // or given up for good
	Busy                   // somebody has it open: again in a moment
	Offline                // the server is not there: again with growing pauses
)

// Follow calls carryOut when nobody is going to write the secret's old name any
// more, again as its outcome says, until the whiteout or life ends.
func (w *Whiteout) Follow(life context.Context, carryOut func(context.Context) Outcome) {
	pause := firstPause
	makerEnds := w.Maker.Over
	for {
		wait := w.due(time.Now())
		if wait <= 0 {
			switch carryOut(life) {
			case Done:
				return
			case Busy:
				wait = AfterTheMaker
			case Offline:
				wait, pause = pause, longer(pause)
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-w.over:
			timer.Stop()
			return
		case <-life.Done():
			timer.Stop()
			return
		case <-makerEnds:
			makerEnds = nil
		case <-timer.C:
		}
		timer.Stop()
	}
}

// Pauses between attempts to carry out what a program was told of, during an
// outage: they grow up to LastPause.
const (
	firstPause = time.Second
	LastPause  = time.Minute
)

func longer(pause time.Duration) time.Duration { return min(2*pause, LastPause) }
