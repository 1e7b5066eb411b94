package generation

import (
	"context"
	"slices"
	"sync"
	"time"
	"weak"

	"infisicalfs/secret"
)

// Keeps is how long a generation is found by its name after it was current: who has
// read the link gets there.
const Keeps = time.Minute

// Again is when what was to be done [History.Later] is done.
const Again = 30 * time.Second

// Source is the folder that generations are made of.
type Source interface {
	// List returns what the folder has. It may be Partial.
	List(context.Context) (*secret.Folder, error)
	// Proof returns the whole truth about the folder.
	Proof(context.Context) (*secret.Folder, error)
	// Watch calls load, which gives g its values, and from then on revokes g when it
	// has to be, for as long as somebody has it. If something was revoked meanwhile
	// it calls load again. An error is load's.
	Watch(g *Generation, load func() error) error
}

// History are the generations of one folder. The zero value is ready, and safe for
// concurrent use.
type History struct {
	mu       sync.Mutex  // guards what follows; nobody is asked under it
	current  *Generation // nil before anybody asked
	previous *Generation // nil once it is old
	told     *Generation // the last that watchers know of
	before   *Record     // what an earlier process showed last, until there is a current one
	ended    time.Time   // when the last generation ended here
	again    bool        // something is going to be done later

	noting sync.Mutex  // one note after the other; guards noted, and is held while a fingerprint is made
	noted  *Generation // the last that was noted
}

// Current returns the current generation: a new one if the source has something
// else than the last, be that of an earlier process, see [History.Recall]. That a name has
// gone is believed only of the whole truth. Errors are those of the source, and a folder's Denied.
func (s *History) Current(ctx context.Context, source Source) (*Generation, error) {
	snap, err := source.List(ctx)
	if err != nil {
		return nil, err
	}
	if g := s.unchanged(snap); g != nil {
		return g, nil
	}
	now := time.Now()
	g := &Generation{Name: now.UTC().Format(NameForm), Made: now}
	before := s.inherited()
	if before != nil {
		if snap, err = s.whole(ctx, source); err != nil {
			return nil, err
		}
		if made, ok := MadeAt(before.Name); ok && before.shows(snap) {
			g = &Generation{Name: before.Name, Made: made}
		}
	}
	err = source.Watch(g, func() error {
		snap, err := s.whole(ctx, source)
		if err == nil {
			g.snap.Store(snap)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if shown := g.Shown(); before != nil && g.Name == before.Name && shown != nil && !before.shows(shown) {
		return s.Current(ctx, source) // it has changed meanwhile
	}
	return s.take(g), nil
}

// whole returns what the source has. That a name has gone is believed only of the whole
// truth, as is that what an earlier process has shown is no longer so.
func (s *History) whole(ctx context.Context, source Source) (*secret.Folder, error) {
	snap, err := source.List(ctx)
	before := s.inherited()
	if err == nil && snap.Partial && (s.lost(snap) || before != nil && !before.shows(snap)) {
		snap, err = source.Proof(ctx)
	}
	if err == nil && snap.Denied != nil {
		err = snap.Denied
	}
	return snap, err
}

// Latest returns the current generation without asking anybody, nil before the
// first.
func (s *History) Latest() *Generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// Called returns the generation of that name, nil if there is none: the current one,
// or the one before for as long as [Keeps] says.
func (s *History) Called(name string) *Generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range []*Generation{s.current, s.previous} {
		if g != nil && g.Name == name {
			return g
		}
	}
	return nil
}

// Lost reports whether a name may be that of a generation that has ended lately, and is found
// no longer as another one ended after it: who looks for it shall look again where ..data leads.
func (s *History) Lost(name string) bool {
	_, ok := MadeAt(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	return ok && !s.ended.IsZero() && time.Since(s.ended) < Keeps
}

// Tell returns the generation that watchers knew of, and notes that they know
// the current one. Both are nil before the first. One of an earlier process shows nothing.
func (s *History) Tell() (before, now *Generation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, s.told = s.told, s.current
	return before, s.current
}

// Later calls do after [Again], once for all who ask meanwhile. It is for telling of
// a generation that could not be made: nothing else would, as what polls bring is no
// change any longer, and who watches does not ask.
func (s *History) Later(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.again {
		return
	}
	s.again = true
	time.AfterFunc(Again, func() {
		s.mu.Lock()
		s.again = false
		s.mu.Unlock()
		do()
	})
}

// unchanged returns the current generation if it is what snap shows.
func (s *History) unchanged(snap *secret.Folder) *Generation {
	g := s.Latest()
	if g == nil || !g.shows(snap) {
		return nil
	}
	return g
}

// lost reports whether the current generation has a name that snap lacks.
func (s *History) lost(snap *secret.Folder) bool {
	g := s.Latest()
	if g == nil {
		return false
	}
	mine := g.Shown()
	return mine != nil && slices.ContainsFunc(mine.Secrets, func(was secret.Secret) bool {
		_, ok := snap.Secret(was.Name)
		return !ok
	})
}

// take makes g current, unless what is current shows the same or is newer: then it
// returns that.
func (s *History) take(g *Generation) *Generation {
	for {
		snap := g.Shown()
		if snap == nil {
			return g // revoked since: nobody can read it
		}
		current := s.Latest()
		switch {
		case current != nil && (current.Name == g.Name || current.shows(snap) || current.newer(snap)):
			return current
		case s.follow(current, g):
			return g
		}
	}
}

// follow makes g current in place of old, unless another is by now.
func (s *History) follow(old, g *Generation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != old {
		return false
	}
	switch {
	case old != nil:
		s.previous, s.ended = old, time.Now()
		gone := weak.Make(old) // another change may drop it before
		time.AfterFunc(Keeps, func() { s.forget(gone) })
	case s.before != nil && s.before.Name != g.Name:
		s.told = &Generation{Name: s.before.Name} // only by name
	default:
		s.told = g
	}
	s.current, s.before = g, nil
	return true
}

func (s *History) forget(old weak.Pointer[Generation]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.previous == old.Value() {
		s.previous = nil
	}
}
