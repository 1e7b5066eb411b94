package overlay

import (
	"context"
	"time"

	"infisicalfs/fs/internal/procend"
)

// A doubtful file has a name as programs give to their temporary files and as
// people give to secrets. What it is shows in what its maker does: a program
// that writes a temporary renames or unlinks it before it ends.
const (
	// DoubtfulFor is how long a closed file waits whose maker is alive, or not
	// known, if nothing else is said.
	DoubtfulFor = 30 * time.Second
	// MakerGrace is how long it waits when its maker has ended: for the next
	// command of a script, which may rename it.
	MakerGrace = 300 * time.Millisecond
	// noticed is how long it may take us to notice that a process has ended: the
	// next may have filled the file by then.
	noticed = 250 * time.Millisecond
)

// fate is what becomes of a doubtful file.
type fate uint8

const (
	waits   fate = iota // it is not known yet
	settled             // its program has renamed or unlinked it
	spared              // it stays here: its maker left it empty, for others to fill (mktemp)
	broken              // its maker was killed: what it has is a part, and is never sent
	arrives             // it is a secret
)

// signs are what is known of a doubtful file.
type signs struct {
	linked  bool // has a name and is still doubtful
	open    bool
	closed  time.Time // last
	empty   bool
	made    bool      // its maker has written to it
	filled  time.Time // when anybody first had; zero: nobody
	broken  bool      // who wrote to it was killed with the file open
	ended   bool      // its maker has
	how     procend.How
	endedAt time.Time
}

// decide returns the fate of a doubtful file, and while it waits for how long:
// 0 is until something happens.
func decide(s signs, now time.Time, doubtfulFor time.Duration) (fate, time.Duration) {
	switch {
	case !s.linked:
		return settled, 0
	case s.ended && !s.made && (s.filled.IsZero() || s.filled.Add(noticed).After(s.endedAt)):
		return spared, 0
	case s.open, !s.ended && s.empty: // there is nothing to lose yet
		return waits, 0
	case s.part(doubtfulFor):
		return broken, 0
	}
	due := s.closed.Add(doubtfulFor)
	if s.ended {
		due = s.closed
		if s.endedAt.After(due) {
			due = s.endedAt
		}
		due = due.Add(MakerGrace)
	}
	if left := due.Sub(now); left > 0 {
		return waits, left
	}
	return arrives, 0
}

// part reports whether the file is not finished: who was killed may have been
// about to write more, or to rename it. Once its time has come it is a secret, which
// only an outage has kept here.
func (s signs) part(doubtfulFor time.Duration) bool {
	return s.broken || s.ended && s.how == procend.Killed && s.endedAt.Before(s.closed.Add(doubtfulFor))
}

// signs returns what is known of the file now.
func (f *File) signs() signs {
	maker := f.maker.Load()
	s := signs{ended: maker.Ended()}
	if s.ended {
		s.how, s.endedAt = maker.How, maker.At
	}
	f.over.mu.Lock()
	defer f.over.mu.Unlock()
	s.linked = f.linked && f.class == Doubtful
	s.open, s.closed, s.empty, s.made, s.filled, s.broken = f.open > 0, f.closed, f.size == 0, f.made, f.filled, f.broken
	return s
}

// Doubt makes the file doubtful: it is not known what it is, and its maker decides.
// What was in it before does not count. [File.Follow] has to follow.
func (f *File) Doubt(maker *procend.Lifetime) {
	f.maker.Store(maker)
	f.over.mu.Lock()
	defer f.over.mu.Unlock()
	f.over.reclass(f, Doubtful)
	f.holds, f.made, f.filled, f.broken = nil, false, time.Time{}, false
}

// DoubtAs is Doubt for a file that takes the place of a doubtful one: it has that
// one's maker, and that one was filled.
func (f *File) DoubtAs(maker *procend.Lifetime) {
	f.Doubt(maker)
	f.over.noteFilled(f, time.Now(), true)
}

// Maker returns who decides what becomes of the file, nil if it never was doubtful.
func (f *File) Maker() *procend.Lifetime { return f.maker.Load() }

// Follow waits for the fate of a doubtful file. When it is a secret, or its writer
// was killed, send is called, until it reports that the file's fate is decided; or
// until life ends. Files whose maker is alive wait doubtfulFor since their last
// close.
func (f *File) Follow(life context.Context, doubtfulFor time.Duration, send func(ctx context.Context, killed bool) (decided bool)) {
	pause := firstPause
	makerEnds := f.maker.Load().Over
	for {
		fate, wait := decide(f.signs(), time.Now(), doubtfulFor)
		switch fate {
		case settled:
			return
		case spared:
			f.spare()
			return
		case broken:
			if send(life, true) {
				return
			}
			wait = firstPause
		case arrives:
			if send(life, false) {
				return
			}
			wait, pause = pause, longer(pause)
		}
		timer := time.NewTimer(wait)
		if wait == 0 {
			timer.Stop() // and whatever happens will say so
		}
		select {
		case <-life.Done():
			timer.Stop()
			return
		case <-f.changed:
		case <-makerEnds:
			makerEnds = nil
		case <-timer.C:
		}
		timer.Stop()
	}
}

// spare ends all doubt about a file that its maker has left empty: it stays here.
func (f *File) spare() {
	f.over.mu.Lock()
	defer f.over.mu.Unlock()
	f.over.reclass(f, Temporary)
	f.spared = true
}

// Undecided reports whether the file is doubtful still, and if it were to be
// decided now, whether it is a part, whose writer was killed.
func (f *File) Undecided(doubtfulFor time.Duration) (undecided, killed bool) {
	s := f.signs()
	return s.linked, s.part(doubtfulFor)
}

// Broken reports whether somebody was killed who was writing to the file.
func (o *Overlay) Broken(f *File) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return f.broken
}

// NoteKilled says that somebody was killed who had the file open.
func (o *Overlay) NoteKilled(f *File) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f.broken = f.size > 0
}

// IsDoubtful reports whether the file may become a secret by itself.
func (o *Overlay) IsDoubtful(f *File) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return f.class == Doubtful
}
