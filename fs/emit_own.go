package fs

import (
	"context"
	"sync"

	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/secret"
)

// own knows what was changed through this mount: the program that did so has
// made the events with its system calls, and the news of it is none for
// watchers. It holds what became of each such place; a change by somebody else
// is one that ends otherwise.
type own struct {
	mu     sync.Mutex // guards what follows; nothing is asked under it
	places map[ownPlace]*outcome
}

// ownPlace is a name of the server's.
type ownPlace struct {
	dir    secret.Dir
	name   string
	folder bool
}

// outcome is what our last change has made of a place.
type outcome struct {
	underWay int  // changes that have not ended
	done     bool // one has, as follows
	gone     bool
	any      bool // not gone, but its version is not known yet
	is       lostupdate.Base
}

// maxPlaces bounds how many places are remembered.
const maxPlaces = 4096

// begin says that the places are being changed, until end.
func (o *own) begin(places ...ownPlace) (end func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.places == nil {
		o.places = make(map[ownPlace]*outcome)
	}
	for _, at := range places {
		o.at(at).underWay++
	}
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, at := range places {
			p := o.places[at]
			if p.underWay--; p.underWay == 0 && !p.done {
				delete(o.places, at)
			}
		}
	}
}

// at returns what is known of a place, perhaps nothing. [own.mu] is held.
func (o *own) at(at ownPlace) *outcome {
	if p := o.places[at]; p != nil {
		return p
	}
	if len(o.places) >= maxPlaces {
		for other, p := range o.places {
			if p.underWay == 0 {
				delete(o.places, other)
			}
		}
	}
	o.places[at] = &outcome{}
	return o.places[at]
}

// ended says what became of a place that is being changed.
func (o *own) ended(at ownPlace, how outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.places[at]
	how.underWay, how.done = p.underWay, true
	*p = how
}

// explains reports whether the change that p tells of is one of ours. One that
// comes while ours is under way is covered by the events of that.
func (o *own) explains(p *event) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := ownPlace{p.dir, p.name, p.folder}
	known := o.places[at]
	switch {
	case known == nil:
		return false
	case known.underWay > 0:
		return true
	case known.gone != (p.kind == vanished), !known.gone && !known.any && known.is != p.is:
		delete(o.places, at)
		return false
	}
	known.any, known.is = known.any && p.folder, p.is
	return true
}

// ownWriter is a Writer that tells own of what it does.
type ownWriter struct {
	secret.Writer
	own *own
}

func ownSecret(dir secret.Dir, name string) ownPlace { return ownPlace{dir: dir, name: name} }
func ownFolder(dir secret.Dir, name string) ownPlace { return ownPlace{dir, name, true} }

func (w *ownWriter) Create(ctx context.Context, dir secret.Dir, name string, value secret.Value) (secret.Secret, error) {
	return w.versioned(ownSecret(dir, name), func() (secret.Secret, error) { return w.Writer.Create(ctx, dir, name, value) })
}

func (w *ownWriter) Update(ctx context.Context, dir secret.Dir, name string, value secret.Value) (secret.Secret, error) {
	return w.versioned(ownSecret(dir, name), func() (secret.Secret, error) { return w.Writer.Update(ctx, dir, name, value) })
}

func (w *ownWriter) Annotate(ctx context.Context, dir secret.Dir, name string, comment *string, tags []string) (secret.Secret, error) {
	return w.versioned(ownSecret(dir, name), func() (secret.Secret, error) { return w.Writer.Annotate(ctx, dir, name, comment, tags) })
}

// versioned makes a change whose outcome is a version of the secret.
func (w *ownWriter) versioned(at ownPlace, change func() (secret.Secret, error)) (secret.Secret, error) {
	defer w.own.begin(at)()
	s, err := change()
	if err == nil {
		w.own.ended(at, outcome{is: lostupdate.BaseOf(&s)})
	}
	return s, err
}

func (w *ownWriter) Rename(ctx context.Context, dir secret.Dir, from, to string) (secret.Secret, error) {
	defer w.own.begin(ownSecret(dir, from), ownSecret(dir, to))()
	s, err := w.Writer.Rename(ctx, dir, from, to)
	if err == nil {
		w.own.ended(ownSecret(dir, from), outcome{gone: true})
		w.own.ended(ownSecret(dir, to), outcome{is: lostupdate.BaseOf(&s)})
	}
	return s, err
}

func (w *ownWriter) Move(ctx context.Context, dir secret.Dir, name string, to secret.Dir) error {
	return w.moved(ownSecret(dir, name), ownSecret(to, name), func() error { return w.Writer.Move(ctx, dir, name, to) })
}

func (w *ownWriter) Delete(ctx context.Context, dir secret.Dir, name string) error {
	at := ownSecret(dir, name)
	return w.simple(at, outcome{gone: true}, func() error { return w.Writer.Delete(ctx, dir, name) })
}

func (w *ownWriter) CreateFolder(ctx context.Context, dir secret.Dir, name string) error {
	at := ownFolder(dir, name)
	return w.simple(at, outcome{any: true}, func() error { return w.Writer.CreateFolder(ctx, dir, name) })
}

func (w *ownWriter) RenameFolder(ctx context.Context, dir secret.Dir, from, to string) error {
	return w.moved(ownFolder(dir, from), ownFolder(dir, to), func() error { return w.Writer.RenameFolder(ctx, dir, from, to) })
}

func (w *ownWriter) DeleteFolder(ctx context.Context, dir secret.Dir, name string) error {
	at := ownFolder(dir, name)
	return w.simple(at, outcome{gone: true}, func() error { return w.Writer.DeleteFolder(ctx, dir, name) })
}

// moved makes a change that empties one place and fills another.
func (w *ownWriter) moved(from, to ownPlace, change func() error) error {
	defer w.own.begin(from, to)()
	err := change()
	if err == nil {
		w.own.ended(from, outcome{gone: true})
		w.own.ended(to, outcome{any: true})
	}
	return err
}

// simple makes a change whose outcome is known beforehand.
func (w *ownWriter) simple(at ownPlace, how outcome, change func() error) error {
	defer w.own.begin(at)()
	err := change()
	if err == nil {
		w.own.ended(at, how)
	}
	return err
}
