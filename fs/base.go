package fs

import (
	"slices"
	"sync"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/secret"
)

// base is the version of a secret that a new text is based on. The zero base is
// that there was none. The id is part of it because a secret that is deleted
// and made again counts from 1.
type base struct {
	id      string
	version int
}

// baseOf returns the base of who has seen s. What an import gives is not the
// folder's own: there is none.
func baseOf(s *secret.Secret) base {
	if s.Import != nil {
		return base{}
	}
	return base{s.ID, s.Version}
}

// maxBases bounds how many reads are remembered.
const maxBases = 8192

// bases knows which version of a secret a process has last seen here. Programs
// read, think, and write with another handle.
type bases struct {
	mu    sync.Mutex // guards what follows
	known map[reader]*knowledge
	order []reader // of first appearance; the oldest is forgotten first
}

type reader struct {
	who  caller.Process
	dir  secret.Dir
	name string
}

// knowledge is what a process knows of a secret.
type knowledge struct {
	hasRead bool
	read    base // the version that it has last read, or written since
	wrote   base // the version that it has last written
}

// of returns the version that who has last read, if any.
func (b *bases) of(who caller.Process, dir secret.Dir, name string) (base, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.known[reader{who, dir, name}]
	if k == nil {
		return base{}, false
	}
	return k.read, k.hasRead
}

// wroteLast returns the version that who has last written, the zero base if none.
func (b *bases) wroteLast(who caller.Process, dir secret.Dir, name string) base {
	b.mu.Lock()
	defer b.mu.Unlock()
	if k := b.known[reader{who, dir, name}]; k != nil {
		return k.wrote
	}
	return base{}
}

// noteRead says that who has read s.
func (b *bases) noteRead(who caller.Process, dir secret.Dir, name string, s *secret.Secret) {
	b.note(who, dir, name, func(k *knowledge) { k.read, k.hasRead = baseOf(s), true })
}

// noteWrite says that who has written s. Who never reads is based on nothing
// that could be outdated, and a write does not change that.
func (b *bases) noteWrite(who caller.Process, dir secret.Dir, name string, s *secret.Secret) {
	b.note(who, dir, name, func(k *knowledge) { k.read, k.wrote = baseOf(s), baseOf(s) })
}

func (b *bases) note(who caller.Process, dir secret.Dir, name string, change func(*knowledge)) {
	if !who.Known() {
		return
	}
	key := reader{who, dir, name}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known == nil {
		b.known = make(map[reader]*knowledge)
	}
	if b.known[key] == nil {
		if len(b.order) == maxBases {
			delete(b.known, b.order[0])
			b.order = b.order[1:]
		}
		b.order = append(b.order, key)
		b.known[key] = &knowledge{}
	}
	change(b.known[key])
}

// moved says that a change of ours that is not about the value made a new
// version: who has seen the value before it still has.
func (b *bases) moved(dir secret.Dir, name string, from, to base) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, k := range b.known {
		if key.dir == dir && key.name == name && k.read == from {
			k.read = to
		}
	}
}

// renamed says that who has renamed a secret, which made version to of version
// from. Who knows an older version of it knows no newer one by that.
func (b *bases) renamed(who caller.Process, dir secret.Dir, name, newName string, from, to base) {
	b.forget(dir, newName)
	known, ok := b.of(who, dir, name)
	switch {
	case ok && known == from:
		b.note(who, dir, newName, func(k *knowledge) { k.read, k.wrote, k.hasRead = to, to, true })
	case ok:
		b.note(who, dir, newName, func(k *knowledge) { k.read, k.hasRead = known, true })
	}
}

// forget says that there is no secret of that name any more.
func (b *bases) forget(dir secret.Dir, name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	gone := func(key reader) bool { return key.dir == dir && key.name == name }
	for key := range b.known {
		if gone(key) {
			delete(b.known, key)
		}
	}
	b.order = slices.DeleteFunc(b.order, gone)
}
