package fs

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/secret"
)

// With [Config.Links] a folder looks like a volume of Kubernetes: a secret is a
// link to ..data/NAME, and ..data is a link to a directory that holds one
// version of all secrets, a generation. A change makes another generation, to
// which ..data leads from then on; in one nothing ever changes. So who reads
// several files through one generation has them from one moment, and what looks
// out for a new ..data has something to see.

// dataName is the link to the current generation. No file of ours has such a
// name otherwise: leading dots are escaped.
const dataName = "..data"

// generationName is how generations are called, as time.Format has it. They have
// the form that Kubernetes gives them, and one length.
const generationName = "..2006_01_02_15_04_05.000000000"

// keepsGeneration is how long a generation is found by its name after it was
// current: who has read the link gets there.
const keepsGeneration = time.Minute

// generation is one version of a folder's secrets.
type generation struct {
	name string
	made time.Time
	at   *dir
	snap atomic.Pointer[secret.Folder] // nil once revoked
}

// generations are those of one folder.
type generations struct {
	mu       sync.Mutex  // guards what follows
	current  *generation // nil before anybody asked
	previous *generation // nil once it is old
	told     *generation // the last that watchers know of
	again    bool        // a swap that failed is going to be tried again
}

// links reports whether the directory shows links into a generation.
func (d *dir) links() bool { return d.fs.cfg.Links && d.where().IsFolder() }

// generation returns the current generation: a new one if the Source has
// something else than the last. That a name has gone is believed only of the whole
// truth.
func (d *dir) generation(ctx context.Context) (*generation, error) {
	f, here := d.fs, d.where()
	snap, err := f.list(ctx, here)
	if err != nil {
		return nil, err
	}
	if g := d.gens.unchanged(snap); g != nil {
		return g, nil
	}
	now := time.Now()
	g := &generation{name: now.UTC().Format(generationName), made: now, at: d}
	r := &watchedGeneration{dir: here, generation: weak.Make(g)}
	err = f.opened.open(r, func() error {
		snap, err := f.list(ctx, here)
		if err == nil && snap.Partial && d.gens.lost(snap) {
			snap, err = f.proof(ctx, here)
		}
		if err == nil && snap.Denied != nil {
			err = snap.Denied
		}
		if err == nil {
			g.snap.Store(snap)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	runtime.AddCleanup(g, func(r *watchedGeneration) { f.opened.close(r) }, r)
	return d.gens.take(g), nil
}

// unchanged returns the current generation if it is what snap shows.
func (s *generations) unchanged(snap *secret.Folder) *generation {
	s.mu.Lock()
	g := s.current
	s.mu.Unlock()
	if g == nil || !g.shows(snap) {
		return nil
	}
	return g
}

// lost reports whether the current generation has a name that snap lacks.
func (s *generations) lost(snap *secret.Folder) bool {
	g := s.latest()
	if g == nil {
		return false
	}
	mine := g.snap.Load()
	return mine != nil && slices.ContainsFunc(mine.Secrets, func(was secret.Secret) bool {
		_, ok := snap.Secret(was.Name)
		return !ok
	})
}

// take makes g current, unless what is current shows the same or is newer: then it
// returns that.
func (s *generations) take(g *generation) *generation {
	for {
		snap := g.snap.Load()
		if snap == nil {
			return g // revoked since: nobody can read it
		}
		current := s.latest()
		switch {
		case current != nil && (current.shows(snap) || current.newer(snap)):
			return current
		case s.follow(current, g):
			return g
		}
	}
}

// follow makes g current in place of old, unless another is by now.
func (s *generations) follow(old, g *generation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != old {
		return false
	}
	if old != nil {
		s.previous = old
		gone := weak.Make(old) // another change may drop it before
		time.AfterFunc(keepsGeneration, func() { s.forget(gone) })
	} else {
		s.told = g
	}
	s.current = g
	return true
}

func (s *generations) forget(old weak.Pointer[generation]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.previous == old.Value() {
		s.previous = nil
	}
}

// called returns the generation of that name, nil if there is none.
func (s *generations) called(name string) *generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range []*generation{s.current, s.previous} {
		if g != nil && g.name == name {
			return g
		}
	}
	return nil
}

// latest returns the current generation without asking anybody, nil before the
// first.
func (s *generations) latest() *generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// tell returns the generation that watchers knew of, and notes that they know
// the current one.
func (s *generations) tell() (before, now *generation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, s.told = s.told, s.current
	return before, s.current
}

// shows reports whether g is what snap shows. If so it lets go of the snapshot
// that it had, which is older.
func (g *generation) shows(snap *secret.Folder) bool {
	mine := g.snap.Load()
	if mine == snap {
		return true
	}
	if mine == nil || !showsAlike(mine, snap) {
		return false
	}
	return g.snap.CompareAndSwap(mine, snap) || g.snap.Load() != nil // others may have done the same
}

// newer reports whether the server vouched for what g shows after it did for snap.
func (g *generation) newer(snap *secret.Folder) bool {
	mine := g.snap.Load()
	return mine != nil && mine.Fetched.After(snap.Fetched)
}

// showsAlike reports whether two snapshots show the same secrets. Copies of one,
// as during an outage, are not looked through.
func showsAlike(a, b *secret.Folder) bool {
	return sameList(a.Secrets, b.Secrets) && sameList(a.Folders, b.Folders) ||
		slices.EqualFunc(a.Secrets, b.Secrets, func(s, t secret.Secret) bool {
			return filename.OfSecret(a, s.Name) == filename.OfSecret(b, t.Name) && sameContent(filename.Entry{Secret: &s}, filename.Entry{Secret: &t})
		})
}

// sameList reports whether two slices are one.
func sameList[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
