package fs

import (
	"time"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/procend"
	"infisicalfs/fs/internal/writeback"
)

// A doubtful file has a name as programs give to their temporary files and as
// people give to secrets. What it is shows in what its maker does: a program
// that writes a temporary renames or unlinks it before it ends.
const (
	// scratchForDefault is how long a closed file waits whose maker is alive, or
	// not known.
	scratchForDefault = 30 * time.Second
	// makerGrace is how long it waits when its maker has ended: for the next
	// command of a script, which may rename it.
	makerGrace = 300 * time.Millisecond
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
func decide(s signs, now time.Time, scratchFor time.Duration) (fate, time.Duration) {
	switch {
	case !s.linked:
		return settled, 0
	case s.ended && !s.made && (s.filled.IsZero() || s.filled.Add(noticed).After(s.endedAt)):
		return spared, 0
	case s.open, !s.ended && s.empty: // there is nothing to lose yet
		return waits, 0
	case s.part(scratchFor):
		return broken, 0
	}
	due := s.closed.Add(scratchFor)
	if s.ended {
		due = s.closed
		if s.endedAt.After(due) {
			due = s.endedAt
		}
		due = due.Add(makerGrace)
	}
	if left := due.Sub(now); left > 0 {
		return waits, left
	}
	return arrives, 0
}

// part reports whether the file is not finished: who was killed may have been
// about to write more, or to rename it. Once its time has come it is a secret, which
// only an outage has kept here.
func (s signs) part(scratchFor time.Duration) bool {
	return s.broken || s.ended && s.how == procend.Killed && s.endedAt.Before(s.closed.Add(scratchFor))
}

// signs returns what is known of the file now.
func (sc *scratchFile) signs() signs {
	mk := sc.maker.Load()
	s := signs{ended: mk.Ended()}
	if s.ended {
		s.how, s.endedAt = mk.How, mk.At
	}
	o := sc.over
	o.mu.Lock()
	defer o.mu.Unlock()
	s.linked = sc.linked && sc.class == doubtful
	s.open, s.closed, s.empty, s.made, s.filled, s.broken = sc.open > 0, sc.closed, sc.size == 0, sc.made, sc.filled, sc.broken
	return s
}

// doubt says that who makes a file of which it is not known what it is, and
// follows it from then on.
func (f *FS) doubt(sc *scratchFile, who caller.Process) {
	mk := f.makers.Of(who)
	sc.maker.Store(mk)
	f.overlay.setDoubtful(sc)
	f.background(func() {
		defer f.makers.Release(mk)
		f.followDoubtful(sc)
	})
}

// doubtAs says that a file takes the place of a doubtful one, whose maker
// decides its fate too.
func (f *FS) doubtAs(sc, old *scratchFile) {
	mk := f.makers.Retain(old.maker.Load())
	sc.maker.Store(mk)
	f.overlay.setDoubtful(sc)
	f.overlay.noteFilled(sc, time.Now(), true)
	f.background(func() {
		defer f.makers.Release(mk)
		f.followDoubtful(sc)
	})
}

// followDoubtful waits for the file's fate and carries it out.
func (f *FS) followDoubtful(sc *scratchFile) {
	pause := firstPause
	ended := sc.maker.Load().Over
	for {
		fate, wait := decide(sc.signs(), time.Now(), f.cfg.ScratchFor)
		switch fate {
		case settled:
			return
		case spared:
			f.overlay.spare(sc)
			return
		case broken:
			if f.sendDoubtful(f.life, sc, writeback.ErrKilled) {
				return
			}
			wait = firstPause
		case arrives:
			if f.sendDoubtful(f.life, sc, nil) {
				return
			}
			wait, pause = pause, longer(pause)
		}
		timer := time.NewTimer(wait)
		if wait == 0 {
			timer.Stop() // and whatever happens will say so
		}
		select {
		case <-f.life.Done():
			timer.Stop()
			return
		case <-sc.changed:
		case <-ended:
			ended = nil
		case <-timer.C:
		}
		timer.Stop()
	}
}

// Pauses between attempts to carry out what a program was told of, during an
// outage.
const (
	firstPause = time.Second
	lastPause  = time.Minute
)

func longer(pause time.Duration) time.Duration { return min(2*pause, lastPause) }
