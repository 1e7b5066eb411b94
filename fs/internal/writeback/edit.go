package writeback

import (
	"slices"
	"syscall"
	"time"

	"infisicalfs/fs/internal/caller"
	"infisicalfs/fs/internal/textedit"
	"infisicalfs/secret"
)

// Edit changes the text, which is the buffer's own. It fails with a [syscall.Errno]
// if no value can be so, because many programs check no close: EFBIG (too large),
// EILSEQ (bytes of no text), ENOSPC (the user has too much text here that the server
// does not have); or with an error of [Buffer.With]. After a write that failed the
// text is a part, and is not sent until it was emptied. What is refused for its bytes
// is returned as the text would have been, the first time.
//
// Shreds says that who makes the edit writes over what it is going to remove. Over
// what the server had that goes nowhere from then on, and is no failure.
func (b *Buffer) Edit(who caller.Process, e textedit.Edit, shreds bool) (refused secret.Value, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.lost(); err != nil {
		return refused, err
	}
	e = b.Place(e, &b.text)
	if b.shredded = b.shredded || shreds && b.began(); b.shredded {
		b.dirty, b.part, b.failed = clean, nil, failure{}
		b.cfg.Texts.Give(&b.room)
		return refused, nil
	}
	errno := b.refuses(e)
	if errno == syscall.EILSEQ && b.part == nil {
		refused = b.text.With(e)
	}
	if errno == 0 {
		e.Do(&b.text)
	}
	b.edited(who, e, errno)
	if errno != 0 {
		return refused, errno
	}
	return refused, nil
}

// Edited says that a shared text was changed by this buffer's file, or could not be.
func (b *Buffer) Edited(who caller.Process, e textedit.Edit, errno syscall.Errno) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.edited(who, e, errno)
}

// Place puts what is appended at the end of the text. The kernel's offset does
// not count for a file that is opened to append: it comes from the size that the
// kernel last heard of.
func (b *Buffer) Place(e textedit.Edit, t *textedit.Text) textedit.Edit {
	if b.cfg.Append && !e.Cut {
		e.Off = int64(t.Len())
	}
	return e
}

// began reports whether the buffer began with a value of the server's, and not
// with an empty text. [Buffer.mu] is held.
func (b *Buffer) began() bool { return !b.created && b.dirty != opened && b.foreign }

// refuses says why an edit cannot be. [Buffer.mu] is held.
func (b *Buffer) refuses(e textedit.Edit) syscall.Errno {
	size, errno := e.Size(b.text.Len())
	switch {
	case errno != 0:
		return errno
	case size > textedit.Max:
		return syscall.EFBIG
	case b.text.Refuses(e.Data, int(e.Off)):
		return syscall.EILSEQ
	case size <= b.text.Len() && e.Cut: // what makes a text smaller needs no room
		return 0
	case b.cfg.Texts.Grow(&b.room, b.cfg.UID, size) != nil:
		return syscall.ENOSPC
	}
	return 0
}

// edited says that who has changed the text, or that a change was refused. Then
// something is missing in it from now on, if it was a write. A text that was emptied
// is whole, whatever was refused before, and has nothing of the server's any more.
// [Buffer.mu] is held.
func (b *Buffer) edited(who caller.Process, e textedit.Edit, errno syscall.Errno) {
	switch {
	case errno != 0 && e.Cut:
		return
	case errno != 0:
		if b.part == nil {
			b.part = partError(errno)
		}
	default:
		if e.Cut && e.Off == 0 {
			b.part, b.foreign = nil, false
		}
		b.changed = time.Now()
		if who.Known() && !slices.Contains(b.writers, who) {
			b.writers = append(b.writers, who)
		}
	}
	b.changes++
	b.dirty = written
}

// partError is what close says about a text of which a write was refused.
func partError(errno syscall.Errno) error {
	switch errno {
	case syscall.EFBIG:
		return secret.ErrTooLarge
	case syscall.EILSEQ:
		return ErrNotText
	default:
		return ErrPart
	}
}
