// Package lostupdate finds that a write would undo a change of somebody else's that
// its writer has never seen. Programs read a file, think, and write it with another
// descriptor; in between the secret may have got a newer version. So [Bases] notes
// which version each process has last read, and a write is compared with that:
//
//	bases.NoteRead(who, dir, name, &s)            // s was shown to who
//	base, ok := bases.LastRead(who, dir, name)    // who writes
//	lost := ok && base != lostupdate.BaseOf(&now) // now is what the server has
//
// What to do about it is the caller's. The base of a write is the version of the
// secret that the written text was made from.
package lostupdate

import (
	"slices"
	"strings"
	"sync"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/secret"
)

// Base is the version of a secret that a new text is based on. The zero Base is
// that there was none. The id is part of it because a secret that is deleted
// and made again counts from 1.
type Base struct {
	ID      string
	Version int
}

// Next returns the version that a write on top of b makes.
func (b Base) Next() Base { return Base{b.ID, b.Version + 1} }

// BaseOf returns the base of who has seen s. What an import gives is not the
// folder's own: there is none.
func BaseOf(s *secret.Secret) Base {
	if s.Import != nil {
		return Base{}
	}
	return Base{s.ID, s.Version}
}

// maxBases bounds how much is remembered.
const maxBases = 8192

// Bases knows which version of a secret a process has last read and written here, of
// the latest few thousand. What nobody ([caller.Process.Known]) does is not noted. The
// zero Bases is ready, and safe for concurrent use.
type Bases struct {
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
	read    Base // the version that it has last read, or written since
	wrote   Base // the version that it has last written
}

// LastRead returns the version that who has last read, or written since; not ok: who
// has read none, or too long ago.
func (b *Bases) LastRead(who caller.Process, dir secret.Dir, name string) (Base, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.known[reader{who, dir, name}]
	if k == nil {
		return Base{}, false
	}
	return k.read, k.hasRead
}

// LastWritten returns the version that who has last written, the zero Base if none.
func (b *Bases) LastWritten(who caller.Process, dir secret.Dir, name string) Base {
	b.mu.Lock()
	defer b.mu.Unlock()
	if k := b.known[reader{who, dir, name}]; k != nil {
		return k.wrote
	}
	return Base{}
}

// NoteRead says that who has read s.
func (b *Bases) NoteRead(who caller.Process, dir secret.Dir, name string, s *secret.Secret) {
	b.note(who, dir, name, func(k *knowledge) { k.read, k.hasRead = BaseOf(s), true })
}

// NoteWrite says that who has written s. Who never reads is based on nothing
// that could be outdated, and a write does not change that.
func (b *Bases) NoteWrite(who caller.Process, dir secret.Dir, name string, s *secret.Secret) {
	b.note(who, dir, name, func(k *knowledge) { k.read, k.wrote = BaseOf(s), BaseOf(s) })
}

func (b *Bases) note(who caller.Process, dir secret.Dir, name string, change func(*knowledge)) {
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

// Rebase says that a change of ours that is not about the value made a new
// version: who has seen the value before it still has.
func (b *Bases) Rebase(dir secret.Dir, name string, from, to Base) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, k := range b.known {
		if key.dir == dir && key.name == name && k.read == from {
			k.read = to
		}
	}
}

// Rename says that who has renamed a secret, which made version to of version
// from. Who knows an older version of it knows no newer one by that.
func (b *Bases) Rename(who caller.Process, dir secret.Dir, name, newName string, from, to Base) {
	b.Forget(dir, newName)
	known, ok := b.LastRead(who, dir, name)
	switch {
	case ok && known == from:
		b.note(who, dir, newName, func(k *knowledge) { k.read, k.wrote, k.hasRead = to, to, true })
	case ok:
		b.note(who, dir, newName, func(k *knowledge) { k.read, k.hasRead = known, true })
	}
}

// Forget says that there is no secret of that name any more.
func (b *Bases) Forget(dir secret.Dir, name string) {
	b.forget(func(key reader) bool { return key.dir == dir && key.name == name })
}

// ForgetFolder says that there is no folder of that name any more.
func (b *Bases) ForgetFolder(dir secret.Dir) {
	b.forget(func(key reader) bool { return dir.Contains(key.dir) })
}

func (b *Bases) forget(gone func(reader) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key := range b.known {
		if gone(key) {
			delete(b.known, key)
		}
	}
	b.order = slices.DeleteFunc(b.order, gone)
}

// MoveFolder takes all that is known of a renamed folder, and of those below, along.
func (b *Bases) MoveFolder(from, to secret.Dir) {
	b.ForgetFolder(to)
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, key := range b.order {
		if from.Contains(key.dir) {
			k := b.known[key]
			delete(b.known, key)
			key.dir.Path = to.Path + strings.TrimPrefix(key.dir.Path, from.Path)
			b.known[key], b.order[i] = k, key
		}
	}
}
