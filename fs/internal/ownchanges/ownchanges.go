// Package ownchanges knows what was changed through this mount. The program that did
// so has made the inotify events with its system calls, and to hear of the change once
// more would be to hear of two. So what the server is asked to change goes through a
// [Changes.Writer], and when a change is heard of, [Changes.Explains] says whether it
// is one of ours:
//
//	var own ownchanges.Changes
//	writer := own.Writer(server)
//	...
//	if !own.Explains(place, gone, version) { // somebody else's: watchers are to hear of it
//
// Remembered is what became of each place; a change by somebody else is one that ends
// otherwise.
package ownchanges

import (
	"context"
	"sync"

	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/secret"
)

// Changes are those that were made through this mount. The zero Changes are none.
// It is safe for concurrent use.
type Changes struct {
	mu     sync.Mutex // guards what follows; nothing is asked under it
	places map[Place]*outcome
}

// Place is a name of the server's.
type Place struct {
	Dir    secret.Dir
	Name   string
	Folder bool
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
func (c *Changes) begin(places ...Place) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.places == nil {
		c.places = make(map[Place]*outcome)
	}
	for _, at := range places {
		c.at(at).underWay++
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, at := range places {
			p := c.places[at]
			if p.underWay--; p.underWay == 0 && !p.done {
				delete(c.places, at)
			}
		}
	}
}

// at returns what is known of a place, perhaps nothing. [Changes.mu] is held.
func (c *Changes) at(at Place) *outcome {
	if p := c.places[at]; p != nil {
		return p
	}
	if len(c.places) >= maxPlaces {
		for other, p := range c.places {
			if p.underWay == 0 {
				delete(c.places, other)
			}
		}
	}
	c.places[at] = &outcome{}
	return c.places[at]
}

// ended says what became of a place that is being changed.
func (c *Changes) ended(at Place, how outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.places[at]
	how.underWay, how.done = p.underWay, true
	*p = how
}

// Explains reports whether a change that was heard of is one of ours: at is gone since, or
// it has the version is, which of a folder is zero. One that comes while ours is under
// way is covered by the events of that. What is not explained ends what is known of the
// place.
func (c *Changes) Explains(at Place, gone bool, is lostupdate.Base) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.places[at]
	switch {
	case known == nil:
		return false
	case known.underWay > 0:
		return true
	case known.gone != gone, !known.gone && !known.any && known.is != is:
		delete(c.places, at)
		return false
	}
	known.any, known.is = known.any && at.Folder, is
	return true
}

// Writer returns a Writer that makes the changes of w, and remembers them.
func (c *Changes) Writer(w secret.Writer) secret.Writer { return &writer{w, c} }

type writer struct {
	secret.Writer
	own *Changes
}

func ownSecret(dir secret.Dir, name string) Place { return Place{Dir: dir, Name: name} }
func ownFolder(dir secret.Dir, name string) Place { return Place{dir, name, true} }

func (w *writer) Create(ctx context.Context, dir secret.Dir, name string, value secret.Value) (secret.Secret, error) {
	return w.versioned(ownSecret(dir, name), func() (secret.Secret, error) { return w.Writer.Create(ctx, dir, name, value) })
}

func (w *writer) Update(ctx context.Context, dir secret.Dir, name string, value secret.Value) (secret.Secret, error) {
	return w.versioned(ownSecret(dir, name), func() (secret.Secret, error) { return w.Writer.Update(ctx, dir, name, value) })
}

func (w *writer) Annotate(ctx context.Context, dir secret.Dir, name string, comment *string, tags []string) (secret.Secret, error) {
	return w.versioned(ownSecret(dir, name), func() (secret.Secret, error) { return w.Writer.Annotate(ctx, dir, name, comment, tags) })
}

// versioned makes a change whose outcome is a version of the secret.
func (w *writer) versioned(at Place, change func() (secret.Secret, error)) (secret.Secret, error) {
	defer w.own.begin(at)()
	s, err := change()
	if err == nil {
		w.own.ended(at, outcome{is: lostupdate.BaseOf(&s)})
	}
	return s, err
}

func (w *writer) Rename(ctx context.Context, dir secret.Dir, from, to string) (secret.Secret, error) {
	defer w.own.begin(ownSecret(dir, from), ownSecret(dir, to))()
	s, err := w.Writer.Rename(ctx, dir, from, to)
	if err == nil {
		w.own.ended(ownSecret(dir, from), outcome{gone: true})
		w.own.ended(ownSecret(dir, to), outcome{is: lostupdate.BaseOf(&s)})
	}
	return s, err
}

func (w *writer) Move(ctx context.Context, dir secret.Dir, name string, to secret.Dir) error {
	return w.moved(ownSecret(dir, name), ownSecret(to, name), func() error { return w.Writer.Move(ctx, dir, name, to) })
}

func (w *writer) Delete(ctx context.Context, dir secret.Dir, name string) error {
	at := ownSecret(dir, name)
	return w.simple(at, outcome{gone: true}, func() error { return w.Writer.Delete(ctx, dir, name) })
}

func (w *writer) CreateFolder(ctx context.Context, dir secret.Dir, name string) error {
	at := ownFolder(dir, name)
	return w.simple(at, outcome{any: true}, func() error { return w.Writer.CreateFolder(ctx, dir, name) })
}

func (w *writer) RenameFolder(ctx context.Context, dir secret.Dir, from, to string) error {
	return w.moved(ownFolder(dir, from), ownFolder(dir, to), func() error { return w.Writer.RenameFolder(ctx, dir, from, to) })
}

func (w *writer) DeleteFolder(ctx context.Context, dir secret.Dir, name string) error {
	at := ownFolder(dir, name)
	return w.simple(at, outcome{gone: true}, func() error { return w.Writer.DeleteFolder(ctx, dir, name) })
}

// moved makes a change that empties one place and fills another.
func (w *writer) moved(from, to Place, change func() error) error {
	defer w.own.begin(from, to)()
	err := change()
	if err == nil {
		w.own.ended(from, outcome{gone: true})
		w.own.ended(to, outcome{any: true})
	}
	return err
}

// simple makes a change whose outcome is known beforehand.
func (w *writer) simple(at Place, how outcome, change func() error) error {
	defer w.own.begin(at)()
	err := change()
	if err == nil {
		w.own.ended(at, how)
	}
	return err
}
