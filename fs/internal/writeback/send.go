package writeback

import (
	"context"
	"errors"

	"infisicalfs/fs/internal/commit"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/textedit"
	"infisicalfs/fs/internal/unsent"
	"infisicalfs/secret"
)

// Trigger is the call for which a text is sent.
type Trigger uint8

const (
	AtFsync   Trigger = iota // also once more what has failed
	AtClose                  // of one descriptor, which need not be the last
	AtRelease                // of the last one: also what opening has made of the secret
	AtOnce                   // the call has no handle, and is all there is: truncate(2), mknod(2)
)

// NotWritten is why a text that exists nowhere else is kept.
const NotWritten = "it could not be written"

// NotApproved is why a text is kept of which the server has made a request.
const NotApproved = "it waits for an approval"

// WhyKept says why a text is kept that was sent and failed with err, and which request
// for an approval the server has made of it, if it has and says which.
func WhyKept(err error) (why, asked string) {
	if waits, ok := errors.AsType[*secret.ApprovalError](err); ok {
		return NotApproved, waits.Request
	}
	return NotWritten, ""
}

// Way is how a text gets to the server.
type Way interface {
	// Enter waits until nothing else is on its way to the secret's folder, and does
	// what has to be done there before. Leave is not nil unless it fails.
	Enter(ctx context.Context) (leave func(), err error)
	// Where is the secret by now: what was before us in the folder may have renamed it.
	Where() (dir secret.Dir, name string)
	// Commit makes the change, once, and returns the secret as the server has it then.
	Commit(context.Context, commit.Change) (secret.Secret, error)
	// Committed is told, before anything else of the file is sent, that Commit's
	// result was taken in.
	Committed(ctx context.Context, dir secret.Dir, name string, got secret.Secret)
}

// Send makes the text the secret's value, unless the server has it already, and
// returns what became of the text as it was when Send was called, or later. If
// sending fails it is not tried again by itself: who was told of the failure
// shall not see it succeed behind his back.
//
// The text is taken in the file's turn and not before, so that whoever comes
// second waits for the verdict about the text that he has seen.
func (b *Buffer) Send(ctx context.Context, why Trigger, way Way) error {
	if out := b.look(why, nil); !out.due {
		return out.err
	}
	leave, err := b.enter(ctx, way)
	defer leave()
	out := b.take(why)
	if err == nil {
		err = out.err
	}
	if !out.due {
		return err
	}
	var got secret.Secret
	dir, name := way.Where()
	if err == nil {
		out.change.Dir, out.change.Name = dir, name
		got, err = way.Commit(ctx, out.change)
		out.tried = commit.MayHaveHappened(err)
	}
	if err != nil {
		b.rejected(out, dir, name, err)
		return err
	}
	b.cfg.Texts.Stored(dir, name, out.change.Value)
	b.accepted(out, &got)
	way.Committed(ctx, dir, name, got)
	return nil
}

// Abort is the end of a file whose writer was killed: half a text is worse
// than none, so it is kept as a part. It reports whether there was any.
func (b *Buffer) Abort(dir secret.Dir, name string) bool {
	b.End(ErrKilled)
	out := b.take(AtRelease)
	if out.due {
		b.rejected(out, dir, name, ErrKilled)
	}
	return out.due
}

// enter waits until nothing else of the file or the folder is on its way. If it fails
// it may have the file's turn: leave is to be called in any case.
func (b *Buffer) enter(ctx context.Context, way Way) (leave func(), err error) {
	select {
	case b.turn <- struct{}{}:
	case <-ctx.Done():
		return func() {}, ctx.Err()
	}
	leaveFolder, err := way.Enter(ctx)
	if err != nil {
		return func() { <-b.turn }, err
	}
	return func() { leaveFolder(); <-b.turn }, nil
}

// outgoing is a text on its way.
type outgoing struct {
	due    bool          // there is something to send
	change commit.Change // without a place, and without a value where only what is due was asked
	after  uint64        // changes
	part   bool          // it is no whole text
	failed bool          // it was tried before, and nothing was written since
	tried  bool          // it was sent, and nobody knows what became of it
	err    error         // why it cannot be sent; or the verdict that stands, if nothing is due
}

// take returns what there is to send.
func (b *Buffer) take(why Trigger) outgoing {
	return b.look(why, func(out *outgoing, t *textedit.Text) {
		out.change.Value = t.Value()
		switch {
		case b.ended != nil:
			out.err = b.ended
		case b.revoked.Load():
			out.err = ErrRevoked
			if b.foreign { // part of it may be what was revoked
				out.change.Value = secret.Value{}
			}
		case b.part != nil:
			out.err = b.part
		case t.Len() > textedit.Max:
			out.err = secret.ErrTooLarge
		case !t.Valid():
			out.err = ErrNotText
		}
	})
}

// look says whether there is something to send. If there is it calls do, locked,
// with the text; nil: it need not.
func (b *Buffer) look(why Trigger, do func(*outgoing, *textedit.Text)) (out outgoing) {
	if b.cfg.Shared == nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.lookAt(&b.text, b.base, why, do)
	}
	b.cfg.Shared.Use(func(t *textedit.Text, sent *lostupdate.Base) {
		if sent == nil {
			return // a close says nothing
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		out = b.lookAt(t, *sent, why, do)
	})
	return out
}

// lookAt is look for a text that is based on that version. [Buffer.mu] is held.
func (b *Buffer) lookAt(t *textedit.Text, base lostupdate.Base, why Trigger, do func(*outgoing, *textedit.Text)) (out outgoing) {
	switch {
	case b.ended == ErrNoName, b.dirty == clean:
		return out
	case b.dirty == opened && (why == AtFsync || why == AtClose):
		return out // somebody is about to write, and a value is not emptied for one that may never come
	case b.hasFailed() && (why == AtClose || why == AtRelease):
		return outgoing{err: b.failed.err}
	}
	out = outgoing{
		due:    true,
		change: commit.Change{Base: base, Who: b.cfg.Opener, Early: b.dirty == opened, Append: b.cfg.Append, Attempt: b.attempt},
		after:  b.changes,
		part:   b.part != nil,
		failed: b.hasFailed(),
	}
	if do != nil {
		do(&out, t)
	}
	return out
}

// hasFailed reports whether the text as it is now could not be sent.
// [Buffer.mu] is held.
func (b *Buffer) hasFailed() bool { return b.failed.err != nil && b.failed.after == b.changes }

// accepted says that the server has the text, as version got. What was written
// meanwhile is unsent, and a failure of a later text stands.
func (b *Buffer) accepted(out outgoing, got *secret.Secret) {
	if b.cfg.Shared != nil {
		b.cfg.Shared.Use(func(_ *textedit.Text, sent *lostupdate.Base) {
			if sent != nil {
				*sent = lostupdate.BaseOf(got)
			}
			b.acceptedAs(out, got)
		})
		return
	}
	b.acceptedAs(out, got)
}

func (b *Buffer) acceptedAs(out outgoing, got *secret.Secret) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.base, b.created, b.attempt = lostupdate.BaseOf(got), false, commit.Attempt{}
	if b.failed.after <= out.after {
		b.failed = failure{}
	}
	if b.changes == out.after {
		b.dirty = clean
		b.cfg.Texts.Give(&b.room)
	}
	for len(b.kept) > 0 && b.kept[0].after <= out.after {
		b.cfg.Texts.Supersede(b.kept[0].name)
		b.kept = b.kept[1:]
	}
}

// rejected keeps what could not be sent: once, however often it is tried.
func (b *Buffer) rejected(out outgoing, dir secret.Dir, name string, err error) {
	b.mu.Lock()
	again := b.failed.err != nil && b.failed.after == out.after
	if b.failed.after <= out.after {
		b.failed = failure{err, out.after}
	}
	if out.tried {
		b.attempt = commit.Attempt{Value: out.change.Value, Base: out.change.Base, Is: true}
	}
	b.mu.Unlock()
	if again {
		return
	}
	t := unsent.Text{Dir: dir, Key: name, Value: out.change.Value, UID: b.cfg.UID, Only: !out.part}
	t.Why, t.Asked = WhyKept(err)
	if errors.Is(err, ErrKilled) {
		t.Why, t.Only = ErrKilled.Error(), false
	}
	kept := b.cfg.Keep(t)
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.Only && kept != "" {
		b.kept = append(b.kept, keptText{kept, out.after})
	}
	if b.changes == out.after { // the kept text has its own place
		b.cfg.Texts.Give(&b.room)
	}
}
