// Package unsent keeps texts that would be lost otherwise, in memory and in two
// budgets that never touch one another.
//
// A text that exists nowhere else (somebody typed it and the server has not
// taken it) stays until it is removed or stored. Room for it is taken while it
// is written, in the name of its user, so that there is no moment later at which
// it could be refused. Old values (what was removed or replaced, parts of texts)
// are never refused either: the oldest makes room.
package unsent

import (
	"errors"
	"slices"
	"sync"
	"time"

	"infisicalfs/secret"
)

// Bounds of text that exists nowhere else, for each user, and for all together.
const (
	MaxTexts    = 4096
	MaxBytes    = 64 << 20
	MaxAllBytes = 256 << 20
)

// Bounds of old values, of all users together.
const (
	MaxOld      = 256
	MaxOldBytes = 16 << 20
)

// ErrFull says that a user has too much text here already that exists nowhere
// else.
var ErrFull = errors.New("no room for more text that the server does not have")

// Text is one kept text. It is never changed.
type Text struct {
	Name  string     // of the file that shows it, from [New]'s function; no two texts have one name
	Dir   secret.Dir // where it was written or removed,
	Key   string     // and under which of the server's names
	Value secret.Value
	UID   uint32 // of who wrote or removed it
	At    time.Time
	Why   string // it is here
	Asked string // the id of the request for an approval that the server has made of it; empty: none, or not known
	Only  bool   // it exists nowhere else
}

// Store keeps texts. It is safe for concurrent use.
type Store struct {
	name func(key string, n uint64) string

	mu    sync.Mutex // guards what follows; nothing is called under it
	texts []*Text    // the oldest first
	ever  uint64     // texts so far
	old   usage
	only  map[uint32]usage // by user: texts, and rooms for texts in the making
	all   int              // bytes in only
}

// usage is how much of a budget is taken.
type usage struct{ texts, bytes int }

// New returns an empty store. Name makes the name of the n-th text, which is
// about the secret key.
func New(name func(key string, n uint64) string) *Store {
	return &Store{name: name, only: make(map[uint32]usage)}
}

// Keep keeps a text, whose Name it sets, and returns it with how many old values
// had to go. It never refuses: room for what exists nowhere else was to be taken
// before, and what was not is let in all the same and keeps others from writing.
// A text that is there already (same secret, user and value) is kept once.
func (s *Store) Keep(t Text) (kept *Text, dropped int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := slices.IndexFunc(s.texts, t.same); at >= 0 {
		t.Name, t.Only = s.texts[at].Name, t.Only || s.texts[at].Only
		s.drop(at)
	} else {
		s.ever++
		t.Name = s.name(t.Key, s.ever)
	}
	s.texts = append(s.texts, &t)
	s.count(&t, 1)
	for s.old.texts > MaxOld || s.old.bytes > MaxOldBytes {
		s.drop(slices.IndexFunc(s.texts, func(t *Text) bool { return !t.Only }))
		dropped++
	}
	return &t, dropped
}

// same reports whether other is the same text of the same secret and user.
func (t *Text) same(other *Text) bool {
	return other.UID == t.UID && other.of(t.Dir, t.Key) && other.Value.Equal(t.Value)
}

func (t *Text) of(dir secret.Dir, key string) bool { return t.Dir == dir && t.Key == key }

// Stored says that the server has that value for a secret: as a text that exists
// nowhere else it is gone.
func (s *Store) Stored(dir secret.Dir, key string, value secret.Value) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := len(s.texts) - 1; at >= 0; at-- {
		if t := s.texts[at]; t.Only && t.of(dir, key) && t.Value.Equal(value) {
			s.drop(at)
		}
	}
}

// Supersede says that who wrote a text has written a newer one since, which the
// server has: it is an old value now, and may have to go as one.
func (s *Store) Supersede(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.find(name)
	if at < 0 || !s.texts[at].Only {
		return
	}
	t := *s.texts[at]
	s.count(&t, -1)
	t.Only = false
	s.count(&t, 1)
	s.texts[at] = &t
}

// List returns all texts, the oldest first.
func (s *Store) List() []*Text {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.texts)
}

// Find returns the text of that name, or nil.
func (s *Store) Find(name string) *Text {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.find(name); at >= 0 {
		return s.texts[at]
	}
	return nil
}

// Remove removes the text of that name and reports whether there was one.
func (s *Store) Remove(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.find(name)
	if at >= 0 {
		s.drop(at)
	}
	return at >= 0
}

// Clear removes all texts.
func (s *Store) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.texts) > 0 {
		s.drop(len(s.texts) - 1)
	}
}

// find returns where the text of that name is, or -1. [Store.mu] is held.
func (s *Store) find(name string) int {
	return slices.IndexFunc(s.texts, func(t *Text) bool { return t.Name == name })
}

// drop lets the text at an index go. [Store.mu] is held.
func (s *Store) drop(at int) {
	s.count(s.texts[at], -1)
	s.texts = slices.Delete(s.texts, at, at+1)
}

// count adds a text to its budget, or takes it away with -1. [Store.mu] is held.
func (s *Store) count(t *Text, sign int) {
	if t.Only {
		s.use(t.UID, sign, sign*t.Value.Len())
		return
	}
	s.old.texts += sign
	s.old.bytes += sign * t.Value.Len()
}

// use adds to what a user has taken. [Store.mu] is held.
func (s *Store) use(uid uint32, texts, bytes int) {
	u := s.only[uid]
	u.texts += texts
	u.bytes += bytes
	s.all += bytes
	s.only[uid] = u
	if u == (usage{}) {
		delete(s.only, uid)
	}
}
