package fs

import (
	"context"
	"errors"

	"infisicalfs/fs/internal/commit"
	"infisicalfs/fs/internal/lostupdate"
	"infisicalfs/fs/internal/textedit"
	"infisicalfs/fs/internal/unsent"
	"infisicalfs/secret"
)

// occasion is why a text is sent.
type occasion uint8

const (
	atFsync   occasion = iota // also once more what has failed
	atClose                   // of one descriptor, which need not be the last
	atRelease                 // of the last one: also what opening has made of the secret
	atOnce                    // the call has no handle, and is all there is: truncate(2), mknod(2)
)

// send makes the text the secret's value, unless the server has it already, and
// returns what became of the text as it was when send was called, or later. If
// sending fails it is not tried again by itself: who was told of the failure
// shall not see it succeed behind his back.
//
// The text is taken in the handle's turn and not before, so that whoever comes
// second waits for the verdict about the text that he has seen.
func (h *writeHandle) send(ctx context.Context, why occasion) error {
	if out := h.due(why); !out.due {
		return out.err
	}
	leave, err := h.myTurn(ctx)
	if err == nil {
		defer leave()
		err = h.file.fs.carryOutBefore(ctx, h)
	}
	out := h.take(why)
	if err == nil {
		err = out.err
	}
	if !out.due {
		return err
	}
	var got secret.Secret
	dir, name := h.file.where() // now: a rename may have been before us in the queue
	if err == nil {
		c := commit.Change{Dir: dir, Name: name, Value: out.value, Base: out.base, Who: h.opener, Early: out.early, Append: h.append, Attempt: out.attempt}
		got, err = h.file.fs.commit(ctx, c)
		out.tried = commit.MayHaveHappened(err)
	}
	if err != nil {
		h.refused(out, err)
		return err
	}
	h.file.fs.rejected.Stored(dir, name, out.value)
	h.accepted(out, &got)
	h.file.fs.sendNotes(ctx, dir, name, &h.notes, got)
	return nil
}

// myTurn waits until nothing else of the handle or the folder is on its way.
func (h *writeHandle) myTurn(ctx context.Context) (leave func(), err error) {
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for {
		dir := h.folder()
		leaveQueue, err := h.file.fs.folderQueue.Enter(ctx, dir)
		if err != nil {
			<-h.turn
			return nil, err
		}
		if h.folder() == dir {
			return func() { leaveQueue(); <-h.turn }, nil
		}
		leaveQueue()
	}
}

// outgoing is a text on its way.
type outgoing struct {
	due     bool // there is something to send
	value   secret.Value
	after   uint64 // changes
	base    lostupdate.Base
	attempt commit.Attempt
	early   bool  // nothing was written since the file was opened
	part    bool  // it is no whole text
	failed  bool  // it was tried before, and nothing was written since
	tried   bool  // it was sent, and nobody knows what became of it
	err     error // why it cannot be sent; or the verdict that stands, if nothing is due
}

// due says whether there is something to send, without its value.
func (h *writeHandle) due(why occasion) outgoing {
	return h.look(why, func(*outgoing, *textedit.Text) {})
}

// take returns what there is to send.
func (h *writeHandle) take(why occasion) outgoing {
	return h.look(why, func(out *outgoing, t *textedit.Text) {
		out.value = t.Value()
		switch {
		case h.ended != nil:
			out.err = h.ended
		case h.revoked.Load():
			out.err = errRevoked
			if h.foreign { // part of it may be what was revoked
				out.value = secret.Value{}
			}
		case h.part != nil:
			out.err = h.part
		case t.Len() > textedit.Max:
			out.err = secret.ErrTooLarge
		case !t.Valid():
			out.err = errBinary
		}
	})
}

// look calls do, locked, with what there is to send and its text, if there is.
func (h *writeHandle) look(why occasion, do func(*outgoing, *textedit.Text)) (out outgoing) {
	if h.scratch != nil {
		h.scratch.mu.Lock()
		defer h.scratch.mu.Unlock()
		if h.scratch.place.Load() == nil {
			return out // a close of scratch says nothing
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.ended == errNoName, h.unsent == nothing:
		return out
	case h.unsent == opened && (why == atFsync || why == atClose):
		return out // somebody is about to write, and a value is not emptied for one that may never come
	case h.hasFailed() && (why == atClose || why == atRelease):
		return outgoing{err: h.failed.err}
	}
	t := &h.text
	if out.base = h.base; h.scratch != nil {
		t, out.base = &h.scratch.text, h.scratch.sent
	}
	out.due, out.early, out.after, out.attempt = true, h.unsent == opened, h.changes, h.attempt
	out.failed, out.part = h.hasFailed(), h.part != nil
	do(&out, t)
	return out
}

// hasFailed reports whether the text as it is now could not be sent.
// [writeHandle.mu] is held.
func (h *writeHandle) hasFailed() bool { return h.failed.err != nil && h.failed.after == h.changes }

// owes returns what there is to send that was not tried. [writeHandle.mu] is held.
func (h *writeHandle) owes() change {
	if h.ended == errNoName || h.hasFailed() {
		return nothing
	}
	return h.unsent
}

// accepted says that the server has the text, as version got. What was written
// meanwhile is unsent, and a failure of a later text stands.
func (h *writeHandle) accepted(out outgoing, got *secret.Secret) {
	if h.scratch != nil {
		h.scratch.mu.Lock()
		defer h.scratch.mu.Unlock()
		h.scratch.sent = lostupdate.BaseOf(got)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.base, h.created, h.attempt = lostupdate.BaseOf(got), false, commit.Attempt{}
	if h.failed.after <= out.after {
		h.failed = refusal{}
	}
	if h.changes == out.after {
		h.unsent = nothing
		h.file.fs.rejected.Give(&h.room)
	}
	for len(h.kept) > 0 && h.kept[0].after <= out.after {
		h.file.fs.rejected.Supersede(h.kept[0].name)
		h.kept = h.kept[1:]
	}
}

// refused keeps what could not be sent: once, however often it is tried.
func (h *writeHandle) refused(out outgoing, err error) {
	f := h.file.fs
	dir, name := h.file.where()
	h.mu.Lock()
	again := h.failed.err != nil && h.failed.after == out.after
	if h.failed.after <= out.after {
		h.failed = refusal{err, out.after}
	}
	if out.tried {
		h.attempt = commit.Attempt{Value: out.value, Base: out.base, Is: true}
	}
	h.mu.Unlock()
	if again {
		return
	}
	t := unsent.Text{Dir: dir, Key: name, Value: out.value, UID: h.caller.Uid, Why: notWritten, Only: !out.part}
	if errors.Is(err, errKilled) {
		t.Why, t.Only = "its writer was killed", false
	}
	kept := f.keepText(t)
	h.mu.Lock()
	defer h.mu.Unlock()
	if t.Only && kept != "" {
		h.kept = append(h.kept, keptText{kept, out.after})
	}
	if h.changes == out.after { // the kept text has its own place
		f.rejected.Give(&h.room)
	}
}

// abort is the end of a handle whose writer was killed: half a text is worse
// than none.
func (h *writeHandle) abort() {
	h.end(errKilled)
	out := h.take(atRelease)
	if !out.due {
		return
	}
	h.file.fs.writes.killed.Add(1)
	h.refused(out, errKilled)
}
