package fs

import (
	"context"

	"infisicalfs/secret"
)

// send makes the text the secret's value, unless the server has it already. If
// that fails it is not tried again by itself: who was told of the failure shall
// not see it succeed behind his back.
func (h *writeHandle) send(ctx context.Context) error {
	f := h.file.fs
	leave, err := h.myTurn(ctx)
	dir, name := h.file.where() // now: a rename may have been before us in the line
	out := h.take()
	if err == nil {
		defer leave()
		err = out.err
	}
	var got secret.Secret
	if err == nil && out.due {
		got, err = f.commit(ctx, commit{dir, name, out.value, out.base, h.opener, out.early, h.append})
	}
	if err != nil {
		h.refused(ctx, out, err)
		return err
	}
	if out.due {
		h.accepted(&got)
		f.sendNotes(ctx, dir, name, &h.notes, got)
	}
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

// accepted says that the server has the text, as version got.
func (h *writeHandle) accepted(got *secret.Secret) {
	if h.scratch != nil {
		h.scratch.mu.Lock()
		defer h.scratch.mu.Unlock()
		h.scratch.sent = baseOf(got)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.base, h.created, h.failed = baseOf(got), false, nil
}

// outgoing is a text on its way.
type outgoing struct {
	due   bool // there is something to send
	value secret.Value
	base  base
	early bool  // nothing was written since the file was opened
	err   error // why it cannot be sent
}

// take takes what there is to send: from here on the handle has nothing unsent,
// unless it is written to again.
func (h *writeHandle) take() (out outgoing) {
	if h.scratch != nil {
		h.scratch.mu.Lock()
		defer h.scratch.mu.Unlock()
		if h.scratch.place.Load() == nil {
			return out // a close of scratch says nothing
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.unsent == nothing && h.failed == nil || h.ended == errNoName {
		return out
	}
	t := &h.text
	if out.base = h.base; h.scratch != nil {
		t, out.base = &h.scratch.text, h.scratch.sent
	}
	out.due, out.early, out.err, out.value = true, h.unsent == opened, h.ended, t.value()
	h.unsent = nothing
	switch {
	case out.err != nil:
	case h.revoked.Load():
		out.err = errRevoked
		if h.foreign { // part of it may be what was revoked
			out.value = secret.Value{}
		}
	case h.cut, len(t.b) > maxValue:
		out.err = secret.ErrTooLarge
	case !t.valid():
		out.err = errBinary
	}
	return out
}

// refused keeps what could not be sent: once, however often it is tried.
func (h *writeHandle) refused(ctx context.Context, out outgoing, err error) {
	h.mu.Lock()
	again := h.failed != nil
	h.failed = err
	h.mu.Unlock()
	if !again && out.due {
		dir, name := h.file.where()
		h.file.fs.keep(ctx, dir, name, out.value, notWritten)
	}
}

// abort is the end of a handle whose writer was killed: half a text is worse
// than none.
func (h *writeHandle) abort(ctx context.Context) {
	f := h.file.fs
	out := h.take()
	h.end(errKilled)
	if !out.due {
		return
	}
	f.writes.killed.Add(1)
	dir, name := h.file.where()
	f.keep(ctx, dir, name, out.value, "its writer was killed")
}
