// Package writeback has the text of a file that is open for writing, from the first
// write until the server has it. A [Buffer] belongs to one open file description: all
// copies of its descriptor, in all threads and processes that have one. Programs
// write a text in pieces; it is sent as a whole when they close or sync the file, and
// what becomes of it is what close(2) and fsync(2) return:
//
//	buffer := writeback.New(writeback.Config{Opener: who, Texts: texts, Keep: keep})
//	buffer.Begin(value, base, false)
//	_, err := buffer.Edit(who, textedit.Edit{Data: data, Off: off}, false)
//	err = buffer.Send(ctx, writeback.AtClose, way) // way knows the server
//
// What it promises is that a nil of [Buffer.Send] is about the text as it was when
// Send was called, or a later one. So its changes are counted, and what is known about
// sending (a failure, a verdict) is known about the text as it was after so many
// changes: several threads write, close copies and sync at the same time, and none of
// them may be told about another text than the one that it has seen. What could not
// be sent is kept, once, however often it is tried.
//
// Nothing here knows FUSE, and nothing is asked under a buffer's lock. That a file is
// sent in the turn of its folder, and what follows of it for others, is for the
// [Way].
package writeback

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/commit"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/textedit"
	"infisicalfs/fs/internal/unsent"
	"infisicalfs/secret"
)

// Why a text cannot be sent.
var (
	ErrNotText = errors.New("not valid UTF-8: the server keeps text")
	ErrPart    = errors.New("a write was refused for want of room, and what there is of the text is a part")
	ErrRevoked = errors.New("access was revoked")
	ErrKilled  = errors.New("its writer was killed")
	ErrNoName  = errors.New("the file was removed") // and what is written to it goes nowhere: that is no failure
)

// Config is what a buffer has to know. Texts and Keep are required.
type Config struct {
	Opener caller.Process // who has opened the file
	UID    uint32         // whose the text is
	Append bool           // each write is behind the end
	Shared Shared         // nil: the text is the buffer's own

	Texts *unsent.Store            // where the text takes room while the server does not have it
	Keep  func(unsent.Text) string // keeps a text there and returns its name, "" if it was not worth it
}

// Shared is a text that several buffers write, each with a verdict of its own.
type Shared interface {
	// Use calls do with the text, locked, and with where the version of it is that
	// the server has: nil while the text is nobody's but ours, and is not sent.
	Use(do func(text *textedit.Text, sent *lostupdate.Base))
}

// dirty is what of a text the server does not have.
type dirty uint8

const (
	clean   dirty = iota
	opened        // created or emptied by opening: sent when the file is let go
	written       // written or cut to a length: sent when its owner closes it
)

// Buffer is the text of one open file description. It is safe for concurrent use.
type Buffer struct {
	cfg      Config
	turn     chan struct{} // full while the text is sent
	released chan struct{} // closed when the last of the file description is done
	revoked  atomic.Bool

	mu       sync.Mutex    // guards what follows; nothing is asked under it. A shared text is locked before it
	text     textedit.Text // if it is its own
	room     unsent.Room   // for it, while the server does not have it
	foreign  bool          // it began with what the server had, and was not emptied since
	base     lostupdate.Base
	created  bool      // and not sent yet: the server does not have the secret
	changes  uint64    // of the text, and of whether it is whole
	changed  time.Time // when the latest was
	dirty    dirty
	part     error   // a write was refused, and this is why: the text is a part, and is not sent
	shredded bool    // what is written goes nowhere: see [Buffer.Edit]
	failed   failure // of the latest attempt to send
	attempt  commit.Attempt
	kept     []keptText
	ended    error            // why nothing will be sent any more, nil while it may
	writers  []caller.Process // who wrote

	flushed   bool // FLUSH has come: somebody has closed a descriptor
	lingers   bool // although somebody has, it stays open
	releasing bool // RELEASE has come
}

// failure is why a text could not be sent.
type failure struct {
	err   error  // nil: it could
	after uint64 // changes of the text
}

// keptText is a text of a buffer that is kept, under that name.
type keptText struct {
	name  string
	after uint64 // changes
}

// New returns an empty buffer that has nothing to send.
func New(cfg Config) *Buffer {
	return &Buffer{cfg: cfg, turn: make(chan struct{}, 1), released: make(chan struct{})}
}

// Begin begins with a version of a secret, or with an empty text in its place. Nobody
// else knows the buffer yet.
func (b *Buffer) Begin(value secret.Value, base lostupdate.Base, empty bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.base, b.created = base, false
	if empty {
		b.text.Wipe()
		b.dirty, b.foreign = opened, false
	} else {
		b.text.Set(value)
		b.dirty, b.foreign = clean, value.Len() > 0
	}
}

// BeginNew begins with an empty text for a secret that is going to be created. Nobody
// else knows the buffer yet.
func (b *Buffer) BeginNew() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.created, b.dirty = true, opened
}

// BasedOn says that the text is based on that version, and on no other. Nobody else
// knows the buffer yet.
func (b *Buffer) BasedOn(base lostupdate.Base) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.base = base
}

// With calls do with the text, locked. An error says why there is none:
// [ErrRevoked], or what [Buffer.End] was told.
func (b *Buffer) With(do func(*textedit.Text)) error {
	if b.cfg.Shared != nil {
		b.cfg.Shared.Use(func(t *textedit.Text, _ *lostupdate.Base) { do(t) })
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.lost(); err != nil {
		return err
	}
	do(&b.text)
	return nil
}

// lost says why the text may not be seen any more. [Buffer.mu] is held.
func (b *Buffer) lost() error {
	switch {
	case b.revoked.Load():
		return ErrRevoked
	case b.ended != ErrNoName:
		return b.ended
	}
	return nil
}

// Len is the length of the text in bytes, 0 if there is none.
func (b *Buffer) Len() (n int) {
	_ = b.With(func(t *textedit.Text) { n = t.Len() })
	return n
}

// Opener returns who has opened the file.
func (b *Buffer) Opener() caller.Process { return b.cfg.Opener }

// UsedBy reports whether who has opened the file or written to it, as far as that can
// be known.
func (b *Buffer) UsedBy(who caller.Process) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.cfg.Opener.Other(who) || slices.Contains(b.writers, who)
}

// Creating reports whether the secret is going to be created by what is sent first.
func (b *Buffer) Creating() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.created && b.ended == nil
}

// Rebase says that a change of ours that is not about the value made version to
// of version from.
func (b *Buffer) Rebase(from, to lostupdate.Base) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.base == from {
		b.base = to
	}
}

// End says why nothing is sent any more: [ErrNoName] or [ErrKilled]. The first reason
// counts.
func (b *Buffer) End(why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended == nil {
		b.ended = why
	}
}

// Revoke takes the text from its readers and writers: the server denies it by now.
// It waits for nothing.
func (b *Buffer) Revoke() { b.revoked.Store(true) }

// Foreign reports whether part of the text may be what the server had.
func (b *Buffer) Foreign() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.foreign
}

// Pending is a text that waits to be sent.
type Pending struct {
	Size   int       // in bytes
	At     time.Time // of its latest change
	Closed bool      // somebody has closed a descriptor since it was opened
}

// Pending returns what would be sent now. Not ok: nothing. A text that was refused is
// kept already, and a part is never sent.
func (b *Buffer) Pending() (p Pending, ok bool) {
	out := b.look(AtFsync, func(_ *outgoing, t *textedit.Text) { p = Pending{t.Len(), b.changed, b.flushed} })
	return p, out.due && !out.failed && !out.part
}
